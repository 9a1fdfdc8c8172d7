/**
 * The statements of a script: separated by `;` outside of strings, quoted names and comments. Between them may stand commands as
 * shells of Cypher have them, `:begin` or `:param name => value`, which end with their line unless a bracket is open.
 */

/** Strings, quoted names, comments; then whatever else, a character at a time. */
const PART = /'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`(?:``|[^`])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\/|[\s\S]/gu;
/** A parameter whose value comes on the next line. */
const WITHOUT_VALUE = /^:params?\s+[^\s:=]+\s*(?::|=>)\s*$/iu;

/** @returns statements without their `;`, and commands, which begin with `:` */
export function splitScript(script: string): string[] {
  const found: string[] = [];
  let text = '';
  let isBlank = true;
  /** Brackets that are open in a command; undefined in a statement. */
  let open: number | undefined;
  const end = () => {
    if (!isBlank) found.push(text.trim());
    text = '';
    isBlank = true;
    open = undefined;
  };
  for (const [part] of script.matchAll(PART)) {
    const isComment = part.startsWith('//') || part.startsWith('/*');
    if (part === ':' && isBlank) {
      text = '';
      open = 0;
    }
    if (open !== undefined) {
      if (part === ';' || (part === '\n' && open <= 0 && !WITHOUT_VALUE.test(text))) {
        end();
        continue;
      }
      if ('([{'.includes(part)) open++;
      else if (')]}'.includes(part)) open--;
      if (isComment) continue;
    } else if (part === ';') {
      end();
      continue;
    }
    text += part;
    if (!isComment && part.trim() !== '') isBlank = false;
  }
  end();
  return found;
}
