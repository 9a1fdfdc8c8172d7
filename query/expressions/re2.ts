/** RE2 for `=~`, in a module of its own: it is a fifth of what a browser would load, and few statements need it. */
import { RE2JS } from 're2js';
import { provideRegularExpressions } from './regular-expression.ts';

provideRegularExpressions(RE2JS);
