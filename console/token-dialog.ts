/** Asks for a token, when the server wants one or the user wants another. */
import { button, element, replace } from './element.ts';

export interface TokenDialog {
  readonly element: HTMLDialogElement;
  /** @param refused whether the server asked for it */
  ask(refused: boolean): void;
}

export function tokenDialog(hadToken: boolean, use: (token: string) => void): TokenDialog {
  const input = element('input', { type: 'password', id: 'token', autocomplete: 'off', spellcheck: 'false' });
  const why = element('p', { class: 'muted' });
  let asked = hadToken;
  const form = element(
    'form',
    { method: 'dialog', class: 'stack' },
    element('h2', { id: 'token-title' }, 'Token'),
    why,
    element('label', { for: 'token' }, 'Bearer token'),
    input,
    element(
      'div',
      { class: 'row end' },
      button('Forget it', () => end(''), { class: 'quiet' }),
      element('button', { type: 'submit', class: 'primary' }, 'Use it'),
    ),
  );
  const dialog = element('dialog', { class: 'dialog', 'aria-labelledby': 'token-title' }, form);
  const end = (token: string): void => {
    input.value = '';
    dialog.close();
    use(token);
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (input.value.trim() !== '') {
      asked = true;
      end(input.value.trim());
    }
  });
  return {
    element: dialog,
    ask(refused) {
      if (dialog.open) return;
      replace(
        why,
        refused && asked ? 'The server refuses this token. ' : refused ? 'This server asks who you are. ' : '',
        'The token stays in this tab, and is forgotten when it closes.',
      );
      dialog.showModal();
      input.focus();
    },
  };
}
