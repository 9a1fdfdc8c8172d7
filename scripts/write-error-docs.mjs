#!/usr/bin/env node
/** Writes docs/errors.md from the table in base/errors.ts and base/error-docs.ts. Run `npm run build` first: it reads the built table. */
import { writeFileSync } from 'node:fs';
import { DOCUMENTED_ERRORS } from '../dist/base/error-docs.js';
import { explained } from './explained.mjs';

explained(import.meta.url);

const rows = Object.entries(DOCUMENTED_ERRORS).map(
  ([code, { status, definite, retryable, doc }]) =>
    `| \`${code}\` | ${status} | ${definite ? 'yes' : 'no'} | ${retryable ? 'yes' : 'no'} | ${doc} |`,
);
const page = `# Errors

Every error of the HTTP API is an \`application/problem+json\` document (RFC 9457):

\`\`\`json
{
  "type": "urn:weft:error:node-not-found",
  "title": "There is no node with this id",
  "status": 404,
  "code": "node-not-found",
  "detail": "there is no node \`nobody\`",
  "definite": true,
  "retryable": false,
  "traceId": "4bf92f3577b34da6a3ce929d0e0e4736"
}
\`\`\`

Programs decide by \`code\`; \`detail\` is for people and may change.

- **definite**: the operation did not happen and never will. If it is \`false\` it may have happened: send it again
  with the same \`Idempotency-Key\`, or read before you repeat it.
- **retryable**: the same request may succeed later without being changed. Wait for \`Retry-After\` if it is given.

A code exists only because some caller acts differently on it. This page is written from \`base/errors.ts\` and \`base/error-docs.ts\` by
\`scripts/write-error-docs.mjs\`; a test fails if they disagree.

| code | status | definite | retryable | meaning |
| --- | --- | --- | --- | --- |
${rows.join('\n')}
`;
writeFileSync(new URL('../docs/errors.md', import.meta.url), page);
