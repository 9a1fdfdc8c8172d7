/** Which properties of an element are texts, as readers are told. */
import { setOwn } from '../base/record.ts';
import type { Texts } from '../graph/model.ts';
import type { ElementState } from './element-state.ts';
import { type TextElement, textRoot } from './text-root.ts';

/** Undefined for an element without any, as almost all are. */
export function textsOf(
  element: TextElement,
  id: string,
  state: Pick<ElementState, 'text' | 'textNames'> | undefined,
  restored = false,
): { readonly texts: Texts } | undefined {
  const names = state?.textNames(restored);
  if (state === undefined || names === undefined) return undefined;
  const texts: { [name: string]: string } = {};
  for (const property of names.sort()) {
    const held = state.text(property, restored);
    if (held !== undefined) setOwn(texts, property, textRoot({ element, id, property, of: held.of }));
  }
  return { texts };
}
