/** From the ISO 8601 texts that the graph keeps to the temporal values that the engine computes with. */
import type { Temporal } from '../../graph/value.ts';
import {
  parseDate,
  parseDateTime,
  parseDuration,
  parseLocalDateTime,
  parseLocalTime,
  parseTime,
} from './parse-temporal.ts';
import type { TemporalValue } from './temporal-value.ts';

export function fromStoredTemporal({ kind, text }: Temporal): TemporalValue {
  switch (kind) {
    case 'Date':
      return parseDate(text);
    case 'LocalTime':
      return parseLocalTime(text);
    case 'Time':
      return parseTime(text);
    case 'LocalDateTime':
      return parseLocalDateTime(text);
    case 'DateTime':
      return parseDateTime(text);
    case 'Duration':
      return parseDuration(text);
  }
}
