/** `npm start`: sets up, builds, and runs `devstate demo` in this process. */
import { setup } from './setup.js';
import { announce, root, run, stages } from './stage.js';

await stages(async () => {
  setup();
  announce('building');
  run(process.execPath, [`${root}scripts/build.js`]);
  announce('devstate demo');
  process.argv.splice(2, 0, 'demo');
  await import('../bin/devstate.cjs');
});
