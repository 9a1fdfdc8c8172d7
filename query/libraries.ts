/**
 * All libraries that statements may need. Whoever runs statements imports this file, once, for its effect; a replica in a browser
 * loads them when they are needed instead.
 */
import './expressions/re2.ts';
import './temporal/polyfill.ts';
