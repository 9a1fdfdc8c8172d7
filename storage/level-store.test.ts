import { adoptionConformance } from './adoption.conformance.ts';
import { cutConformance } from './cut.conformance.ts';
import { failureConformance } from './failure.conformance.ts';
import { LevelHarness } from './level-harness.ts';
import { storeConformance } from './store.conformance.ts';

storeConformance('level store', () => LevelHarness.make());
adoptionConformance('level store', () => LevelHarness.make());
failureConformance('level store', () => LevelHarness.make());
cutConformance('level store', () => LevelHarness.make());
