/** All parts, for who must not wait for one in the midst of something: a simulation. */
import '../crdt/all-parts.ts';
import '../query/all-parts.ts';
import { DIGEST, UNIQUE_KEYS } from './parts.ts';
import * as uniqueKeys from './replica-constraints.ts';
import * as digest from './replica-digest.ts';

DIGEST.provide(digest);
UNIQUE_KEYS.provide(uniqueKeys);
