/** Parts of a replica that few applications need (`base/part.ts`). */
import { Part } from '../base/part.ts';

export const UNIQUE_KEYS = new Part('unique keys', () => import('./replica-constraints.ts'));
export const DIGEST = new Part('digests', () => import('./replica-digest.ts'));
