/** All parts, for a server: whoever runs statements and does not load parts imports this file, once, for its effect. */
import * as regularExpressions from 're2js';
import * as timeZones from 'temporal-polyfill';
import * as madeValues from './execution/made-values.ts';
import * as functions from './functions/functions-part.ts';
import * as spatial from './functions/spatial-functions.ts';
import * as paths from './operators/paths-part.ts';
import * as packedColumns from './packed/packed-part.ts';
import {
  CATALOG,
  FUNCTIONS,
  MADE_VALUES,
  PACKED_COLUMNS,
  PATHS,
  PLAN_DESCRIPTION,
  REGULAR_EXPRESSIONS,
  SPATIAL,
  TEMPORAL,
  TIME_ZONES,
} from './parts.ts';
import * as planDescription from './plan/describe-plan.ts';
import * as catalog from './procedures/catalog-part.ts';
import * as temporal from './temporal/temporal-part.ts';

CATALOG.provide(catalog);
FUNCTIONS.provide(functions);
MADE_VALUES.provide(madeValues);
PACKED_COLUMNS.provide(packedColumns);
PLAN_DESCRIPTION.provide(planDescription);
REGULAR_EXPRESSIONS.provide(regularExpressions);
PATHS.provide(paths);
SPATIAL.provide(spatial);
TEMPORAL.provide(temporal);
TIME_ZONES.provide(timeZones);
