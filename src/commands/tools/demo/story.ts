/** The command lines of `devstate demo` in their order, each with what its output must contain. */
import type { DemoRunner } from './demo-runner.js';

/**
 * The TTL of the devices that go offline during the demo. It must be longer than the step `list-online`, which
 * expects them online, and shorter than the 10 s that the demo waits for their events.
 */
const SHORT_TTL = '2s';

export async function runStory(demo: DemoRunner): Promise<void> {
  const watchEnd = new AbortController();
  await demo.explain('Three devices are registered.');
  await demo.run(
    ['register', 'sensor-001', '--type', 'sensor', '--meta', 'location=warehouse-a'],
    'registered',
  );
  await demo.run(
    ['register', 'sensor-002', '--type', 'sensor', '--meta', 'location=warehouse-b'],
    'registered',
  );
  await demo.run(['register', 'gateway-7', '--type', 'gateway'], 'registered');

  await demo.explain(
    'Another program prints who goes online and offline, and runs a detector; its lines begin with >.',
  );
  const watching = await demo.watchPresence(watchEnd.signal);
  try {
    await demo.explain('The devices send heartbeats; those of two devices expire after two seconds.');
    await demo.run(
      ['heartbeat', 'sensor-001', '--report', 'temperature=23.5', '--report', 'interval=60'],
      'was offline',
    );
    await demo.run(['heartbeat', 'sensor-002', 'gateway-7', '--ttl', SHORT_TTL], 'was offline');
    await demo.waitForEvents('sensor-001 online', 'sensor-002 online', 'gateway-7 online');
    await demo.run(['list-online'], 'sensor-001', 'sensor-002', 'gateway-7');

    await demo.explain(
      'sensor-001 should report more often: that is its desired state, and delta shows the difference.',
    );
    await demo.run(['set-desired', 'sensor-001', 'interval=30'], 'desired version 1');
    await demo.run(['delta', 'sensor-001'], 'interval   30        60');
    await demo.explain('The device applies it and reports so: the difference is gone.');
    await demo.run(['heartbeat', 'sensor-001', '--merge', '--report', 'interval=30'], 'online');
    await demo.run(['delta', 'sensor-001'], 'in sync');

    await demo.explain('The other two send no more heartbeats and are marked offline after their TTL.');
    await demo.waitForEvents('sensor-002 offline', 'gateway-7 offline');
    await demo.run(['heartbeat', 'sensor-001'], 'online');
    await demo.run(['list-online'], 'sensor-001');
    await demo.run(['stale', '--older-than', '1s'], 'sensor-002', 'gateway-7');
  } finally {
    watchEnd.abort();
    await watching.done;
  }
  await demo.explain('To try it with your own devices, start a redis-server and type:');
  for (const line of [
    'devstate register my-device --type sensor',
    'devstate heartbeat my-device --every 10s',
    'devstate get my-device',
    'devstate --help',
  ]) {
    await demo.print(`  ${line}`);
  }
}
