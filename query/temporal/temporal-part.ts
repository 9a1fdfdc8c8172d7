/** What is done with temporal values: a part (`../parts.ts`). */
export { TEMPORAL_FUNCTIONS as functions } from '../functions/temporal-functions.ts';
export { addDurations, divideDuration, negateDuration, plusDuration, scaleDuration } from './duration.ts';
export { fromStoredTemporal as fromStored } from './stored-temporal.ts';
export { temporalProperty as property } from './temporal-properties.ts';
