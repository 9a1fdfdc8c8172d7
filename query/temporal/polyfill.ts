/** Temporal for time zones, in a module of its own: many browsers have it. */
import { Temporal } from 'temporal-polyfill';
import { provideTemporal } from './zones.ts';

provideTemporal(Temporal);
