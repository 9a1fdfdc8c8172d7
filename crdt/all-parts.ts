/** All parts, for a server: whoever opens views and does not load parts imports this file, once, for its effect. */
import { PROPERTY_PACKS } from './parts.ts';
import * as propertyPacks from './property-packs.ts';

PROPERTY_PACKS.provide(propertyPacks);
