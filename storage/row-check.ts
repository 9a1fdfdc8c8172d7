/** Whether a row is what was written, as far as the row itself can tell. */
import { COMMITS, FORMAT_KEY, LOCATORS, ROWS, SEAL_KEYS, STAGED, STATE_PREFIXES } from './keys.ts';
import { decodeLocator, decodeManifest, decodeRow, decodeSeal, decodeState } from './records.ts';
import { FORMAT_VERSION, formatValue } from './recovery.ts';

/** False only if the row is damaged: the body of a snapshot has its checksum elsewhere. */
export function isWholeRow(bytes: Buffer, value: Buffer): boolean {
  const key = bytes.toString('utf8');
  if (SEAL_KEYS.some((seal) => seal === key)) return decodeSeal(key, value) !== undefined;
  if (STATE_PREFIXES.some((prefix) => key.startsWith(prefix))) return decodeState(key, value) !== undefined;
  if (key.startsWith(COMMITS)) return decodeManifest(key, value, 'references') !== undefined;
  if (key.startsWith(ROWS) || key.startsWith(STAGED)) return decodeRow(key, value) !== undefined;
  if (key.startsWith(LOCATORS)) return decodeLocator(key, value) !== undefined;
  return key !== FORMAT_KEY || value.equals(formatValue(FORMAT_VERSION));
}
