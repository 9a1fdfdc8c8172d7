/** What a frame or message decodes to when it, or one of the arrays in it, lacks its last fields: every such way to cut it short. */
export function* cutShort(fields: unknown): Generator<readonly unknown[]> {
  if (!Array.isArray(fields)) return;
  for (let length = 0; length < fields.length; length++) yield fields.slice(0, length);
  for (const [at, field] of fields.entries()) {
    for (const shorter of cutShort(field)) yield [...fields.slice(0, at), shorter, ...fields.slice(at + 1)];
  }
}
