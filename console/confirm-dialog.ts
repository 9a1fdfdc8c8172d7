/** Asks before something that cannot be taken back. */
import { button, element } from './element.ts';

export interface Question {
  readonly title: string;
  readonly about?: string;
  /** What has to be typed before anything happens. */
  readonly typed?: string;
  /** On the button that does it. */
  readonly action: string;
  readonly refusal: string;
}

/** @param page where the dialog lies while it is open */
export function confirmDialog(page: HTMLElement, question: Question, confirmed: () => void): void {
  const { title, about, typed, action, refusal } = question;
  const input = element('input', { id: 'typed', autocomplete: 'off' });
  const dialog = element(
    'dialog',
    { class: 'dialog', 'aria-labelledby': 'confirm-title' },
    element(
      'form',
      {
        class: 'stack',
        on: {
          submit: (event) => {
            event.preventDefault();
            if (typed !== undefined && input.value !== typed) return;
            dialog.close();
            confirmed();
          },
        },
      },
      element('h2', { id: 'confirm-title' }, title),
      about !== undefined && element('p', { class: 'muted' }, about),
      typed !== undefined && [element('label', { for: 'typed' }, `Type ${typed} to confirm`), input],
      element(
        'div',
        { class: 'row end' },
        button(refusal, () => dialog.close(), { class: 'quiet' }),
        element('button', { type: 'submit', class: 'danger' }, action),
      ),
    ),
  );
  dialog.addEventListener('close', () => dialog.remove());
  page.append(dialog);
  dialog.showModal();
}
