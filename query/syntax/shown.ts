/** What SHOW can list: the procedure behind it, its columns, and those that only `YIELD` asks for. */
const ABOUT = ['entityType', 'labelsOrTypes', 'properties'];

export const SHOWN = {
  indexes: { procedure: 'show.indexes', columns: ['name', 'type', ...ABOUT, 'owningConstraint'], more: ['state'] },
  /** `violations`: elements that break the constraint, since they merged or were there before. */
  constraints: {
    procedure: 'show.constraints',
    columns: ['name', 'type', ...ABOUT, 'ownedIndex', 'propertyType', 'violations'],
    more: [],
  },
  procedures: {
    procedure: 'show.procedures',
    columns: ['name', 'description', 'mode', 'worksOnSystem'],
    more: ['signature'],
  },
  functions: {
    procedure: 'show.functions',
    columns: ['name', 'category', 'description'],
    more: ['isBuiltIn', 'aggregating'],
  },
} as const;
