/** Parts of the view that few need (`base/part.ts`). */
import { Part } from '../base/part.ts';

/** Faster ways through many nodes: nothing waits for it. */
export const PROPERTY_PACKS = new Part('packed properties', () => import('./property-packs.ts'));
