import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { DOCUMENTED_ERRORS } from '../../base/error-docs.ts';

/** The rows of the table in docs/errors.md, by code. */
function documented(): Record<string, unknown> {
  const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  const rows = page.matchAll(/^\| `([a-z-]+)` \| (\d+) \| (yes|no) \| (yes|no) \| (.*) \|$/gm);
  return Object.fromEntries(
    [...rows].map(([, code, status, definite, retryable, doc]) => [
      code,
      { status: Number(status), definite: definite === 'yes', retryable: retryable === 'yes', doc },
    ]),
  );
}

test('docs/errors.md: read -> the same codes, flags and words as base/errors.ts (else: npm run build && node scripts/write-error-docs.mjs)', () => {
  expect(documented()).toEqual(DOCUMENTED_ERRORS);
});

test('error table: indefinite -> never answered with a status that promises the contrary', () => {
  const broken = Object.entries(DOCUMENTED_ERRORS).filter(
    ([, kind]) => !kind.definite && [404, 409, 412].includes(kind.status),
  );
  expect(broken).toEqual([]);
});
