/** The statements of a script: separated by `;` outside of strings, quoted names and comments. */

/** Strings, quoted names, comments; then whatever else, a character at a time. */
const PART = /'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`(?:``|[^`])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\/|[\s\S]/gu;

export function splitScript(script: string): string[] {
  const statements: string[] = [];
  let statement = '';
  let isBlank = true;
  const end = () => {
    if (!isBlank) statements.push(statement.trim());
    statement = '';
    isBlank = true;
  };
  for (const [part] of script.matchAll(PART)) {
    if (part === ';') {
      end();
      continue;
    }
    statement += part;
    const isComment = part.startsWith('//') || part.startsWith('/*');
    if (!isComment && part.trim() !== '') isBlank = false;
  }
  end();
  return statements;
}
