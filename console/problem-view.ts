/** An error as the user sees it: what is wrong, where, and whether it may have happened all the same. */
import { isWeftError } from './connection.ts';
import { element } from './element.ts';

const OWN_MEMBERS = new Set([
  'type',
  'title',
  'status',
  'detail',
  'code',
  'definite',
  'retryable',
  'traceId',
  'instance',
]);

export function problemView(error: unknown): HTMLElement {
  if (!isWeftError(error)) {
    return element(
      'div',
      { class: 'problem', role: 'alert' },
      element('strong', {}, 'The call failed'),
      ' ',
      String(error),
    );
  }
  const [first = '', ...excerpt] = error.message.split('\n');
  const { traceId } = error.context;
  const extra = Object.entries(error.context).filter(([name]) => !OWN_MEMBERS.has(name));
  return element(
    'div',
    { class: 'problem', role: 'alert' },
    element(
      'div',
      { class: 'problem-head' },
      element('code', { class: 'problem-code' }, error.code),
      element('span', {}, first),
    ),
    excerpt.length > 0 && element('pre', { class: 'problem-excerpt', tabindex: 0 }, excerpt.join('\n')),
    !error.kind.definite &&
      element('p', { class: 'problem-note' }, 'It is not known whether this took effect. Look before you repeat it.'),
    (extra.length > 0 || traceId !== undefined) &&
      element(
        'details',
        {},
        element('summary', {}, 'Details'),
        element(
          'dl',
          { class: 'facts' },
          extra.map(([name, value]) => [element('dt', {}, name), element('dd', {}, JSON.stringify(value))]),
          typeof traceId === 'string' && [element('dt', {}, 'traceId'), element('dd', {}, traceId)],
        ),
      ),
  );
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? (error.message.split('\n')[0] ?? error.name) : String(error);
}
