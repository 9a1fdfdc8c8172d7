/** The console: a frame with the pages of it, of which the address shows one. */
import { activityPage } from './activity-page.ts';
import { changesPage } from './changes-page.ts';
import { clusterPage } from './cluster-page.ts';
import { Connection } from './connection.ts';
import { elementPage } from './element-page.ts';
import { graphsPage } from './graphs-page.ts';
import { importPage } from './import-page.ts';
import { queryPage } from './query-page.ts';
import { Shell } from './shell.ts';
import { applyTheme } from './theme.ts';

applyTheme();
const root = document.getElementById('app');
if (root === null) throw new Error('the page has no place for the console');
new Shell(root, new Connection(), [
  { name: 'query', title: 'Query', icon: 'M5 7l5 5-5 5M12 18h7', open: queryPage },
  {
    name: 'element',
    title: 'Elements',
    icon: 'M7 7m-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0M17 17m-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0M9 9l6 6',
    open: elementPage,
  },
  { name: 'import', title: 'Import', icon: 'M12 4v11M7 10l5 5 5-5M5 20h14', open: importPage },
  { name: 'graphs', title: 'Graphs', icon: 'M4 6h16M4 12h16M4 18h16', open: graphsPage },
  { name: 'changes', title: 'Changes', icon: 'M12 7v5l3 2M4 12a8 8 0 1 0 3-6.2M4 4v4h4', open: changesPage },
  { name: 'activity', title: 'Activity', icon: 'M3 12h4l3-8 4 16 3-8h4', open: activityPage },
  {
    name: 'cluster',
    title: 'Cluster',
    icon: 'M12 3v5M5 16l5-5M19 16l-5-5M12 10m-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0M4 18m-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0M20 18m-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0',
    open: clusterPage,
  },
]);
