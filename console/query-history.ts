/** The statements that were run in this browser, the newest first. They may hold what should not be shown, so they can be cleared. */

const KEY = 'weft.history';
const ENTRIES_MAX = 50;

export interface PastQuery {
  readonly text: string;
  readonly graph: string;
  readonly atMs: number;
}

export function pastQueries(): readonly PastQuery[] {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? '[]') as readonly PastQuery[];
  } catch {
    return [];
  }
}

export function remember(text: string, graph: string): void {
  const others = pastQueries().filter((past) => past.text !== text || past.graph !== graph);
  const kept = [{ text, graph, atMs: Date.now() }, ...others].slice(0, ENTRIES_MAX);
  localStorage.setItem(KEY, JSON.stringify(kept));
}

export function forgetQueries(): void {
  localStorage.removeItem(KEY);
}
