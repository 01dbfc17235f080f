/**
 * `devstate demo`: runs a series of commands and prints what they do. It uses a redis-server that it starts, or, if
 * the command line names a server, a temporary namespace there.
 */
import { usageError } from '../../core/model/errors.js';

import { command } from '../shared/command.js';
import { DemoRunner } from './demo/demo-runner.js';
import { runStory } from './demo/story.js';

export const demo = command({
  name: 'demo',
  group: 'Tools',
  summary: 'Show what devstate does, on a server of its own, in a few seconds',
  arguments: [],
  options: [],
  examples: ['devstate demo', 'devstate demo --url redis://127.0.0.1:6379'],
  async run(context) {
    const server = context.serverOptions.length === 0 ? await context.startServer() : undefined;
    const namespace = `devstate-demo-${Math.random().toString(36).slice(2, 10)}`;
    const serverOptions = server ? ['--url', server.url] : context.serverOptions;
    try {
      const fleet = await context.fleetAt(server?.url, namespace);
      if (fleet.options.readOnly) throw usageError('the demo writes', 'leave out --read-only');
      try {
        await runStory(new DemoRunner(context, [...serverOptions, '--namespace', namespace]));
      } finally {
        const { eraseNamespace } = await import('../../core/admin/erase-namespace.js'); // loads ioredis
        await eraseNamespace(fleet);
      }
    } finally {
      await server?.stop();
    }
  },
});
