import { expect, test } from 'vitest';
import { digestOfGraph } from './digest.ts';

test('digest of a graph: known digests of partitions -> the one that other versions of the program compare with', () => {
  const digest = digestOfGraph({ '0': 'ab', '1': 'cd' });
  expect(digest).toBe('5a17dd0b83d40d700a2c697ca39eeb193c75ec9fda53a9716c166e666c73610c');
  expect(digestOfGraph({ 'tenant!': '', '1': 'cd', '0': 'ab', '2': '' })).toBe(digest);
  expect(digestOfGraph({ '0': 'cd', '1': 'ab' })).not.toBe(digest);
  expect(digestOfGraph({ '0': 'ab' })).not.toBe(digest);
});
