/** `npm start`: sets up, builds, and runs the demo in this very process. */
import { setup } from './setup.js';
import { announce, root, run, stages } from './stage.js';

await stages(async () => {
  setup({ announce });
  announce('building');
  run(process.execPath, [`${root}scripts/build.js`]);
  announce('devstate demo');
  process.argv.splice(2, 0, 'demo');
  await import('../bin/devstate.cjs');
});
