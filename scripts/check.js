/** `npm run check`: everything that CI checks besides the tests. It needs no redis-server. */
import { runAllChecks } from './checks.js';
import { setupDependencies } from './setup.js';
import { stages } from './stage.js';

await stages(() => {
  setupDependencies();
  runAllChecks();
});
