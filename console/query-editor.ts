/**
 * The editor for statements. It lives in a shadow root: there CodeMirror uses constructed style sheets, which the policy of
 * the page allows, whereas it would write a style element into the document.
 */
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { bracketMatching, syntaxHighlighting } from '@codemirror/language';
import { EditorState, StateEffect, StateField } from '@codemirror/state';
import {
  Decoration,
  type DecorationSet,
  drawSelection,
  EditorView,
  keymap,
  lineNumbers,
  placeholder,
} from '@codemirror/view';
import { cypherColours, cypherCompletion, cypherLanguage, type SchemaNames } from './cypher-language.ts';
import { element } from './element.ts';

export interface QueryEditor {
  readonly element: HTMLElement;
  text(): string;
  setText(text: string): void;
  focus(): void;
  /** Marks the place of an error and puts the caret there. Lines and columns from 1. */
  mark(position: { readonly line: number; readonly column: number }): void;
  unmark(): void;
  close(): void;
}

const LOOK = EditorView.theme({
  '&': { height: '100%', fontSize: '13px', color: 'var(--text)', backgroundColor: 'transparent' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.6' },
  '.cm-content': { caretColor: 'var(--text)', padding: '10px 0' },
  '.cm-cursor': { borderLeftColor: 'var(--accent)', borderLeftWidth: '2px' },
  '.cm-gutters': { backgroundColor: 'transparent', border: 'none', color: 'var(--muted)' },
  '.cm-lineNumbers .cm-gutterElement': { padding: '0 10px 0 14px', minWidth: '34px' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    backgroundColor: 'color-mix(in srgb, var(--link) 28%, transparent)',
  },
  '&.cm-focused .cm-matchingBracket': { backgroundColor: 'transparent', outline: '1px solid var(--muted)' },
  '.cm-placeholder': { color: 'var(--muted)' },
  '.cm-tooltip': {
    backgroundColor: 'var(--raised)',
    color: 'var(--text)',
    border: '1px solid var(--line)',
    borderRadius: '6px',
    boxShadow: 'var(--shadow)',
  },
  '.cm-tooltip-autocomplete > ul > li[aria-selected]': { backgroundColor: 'var(--accent)', color: 'var(--on-accent)' },
  '.cm-wrong': { borderBottom: '2px solid var(--bad)', backgroundColor: 'var(--bad-bg)' },
});

interface Range {
  readonly from: number;
  readonly to: number;
}

const setWrong = StateEffect.define<Range | undefined>();

/** The place of the error, until the text around it changes. (The library's own diagnostics need inline styles.) */
const wrongPlace = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update: (marked, transaction) => {
    for (const effect of transaction.effects) {
      if (!effect.is(setWrong)) continue;
      const { value: range } = effect;
      if (range === undefined || range.to <= range.from) return Decoration.none;
      return Decoration.set(Decoration.mark({ class: 'cm-wrong' }).range(range.from, range.to));
    }
    return transaction.docChanged ? Decoration.none : marked;
  },
  provide: (field) => EditorView.decorations.from(field),
});

/** Chromium would keep the look of the text that is typed over in a style attribute, which the policy forbids. */
function typeOver(event: InputEvent, view: EditorView): boolean {
  const { data, inputType } = event;
  const { from, to } = view.state.selection.main;
  if (inputType !== 'insertText' || data === null || from === to || view.composing) return false;
  event.preventDefault();
  const insert = () =>
    view.state.update(view.state.replaceSelection(data), { userEvent: 'input.type', scrollIntoView: true });
  const isHandled = view.state.facet(EditorView.inputHandler).some((handle) => handle(view, from, to, data, insert));
  if (!isHandled) view.dispatch(insert());
  return true;
}

export function queryEditor(options: {
  readonly text: string;
  readonly names: () => SchemaNames;
  readonly run: () => void;
  readonly changed: (text: string) => void;
}): QueryEditor {
  const host = element('div', { class: 'editor-host' });
  const root = host.attachShadow({ mode: 'open' });
  const run = () => {
    options.run();
    return true;
  };
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: options.text,
      extensions: [
        keymap.of([
          { key: 'Mod-Enter', run },
          { key: 'Shift-Enter', run },
        ]),
        lineNumbers(),
        history(),
        drawSelection(),
        bracketMatching(),
        closeBrackets(),
        autocompletion({ override: [cypherCompletion(options.names)], icons: false }),
        cypherLanguage,
        wrongPlace,
        syntaxHighlighting(cypherColours),
        placeholder('MATCH (n) RETURN n LIMIT 25'),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ 'aria-label': 'Statement' }),
        EditorView.domEventHandlers({ beforeinput: typeOver }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) options.changed(update.state.doc.toString());
        }),
        keymap.of([...closeBracketsKeymap, ...completionKeymap, ...historyKeymap, ...defaultKeymap]),
        LOOK,
      ],
    }),
  });
  return {
    element: host,
    text: () => view.state.doc.toString(),
    setText: (text) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } }),
    focus: () => view.focus(),
    mark({ line, column }) {
      const { doc } = view.state;
      const at = doc.line(Math.min(Math.max(line, 1), doc.lines));
      const from = Math.min(at.from + column - 1, at.to);
      const word = /^[\p{L}\p{N}_`]+/u.exec(doc.sliceString(from, at.to))?.[0].length ?? 1;
      const to = Math.min(from + word, at.to);
      view.dispatch({ selection: { anchor: from }, effects: setWrong.of({ from, to }), scrollIntoView: true });
      view.focus();
    },
    unmark: () => view.dispatch({ effects: setWrong.of(undefined) }),
    close: () => view.destroy(),
  };
}
