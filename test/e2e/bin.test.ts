/** The built executable among other programs: pipes, closed streams, signals. */
import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import { useFakeServer } from '../support/faults/fake-server.js';
import { pretendDetector, SingleFleet, until } from '../support/fleet.js';
import { useRedis } from '../support/redis.js';
import { bin, finished, root, says, shell, start } from './bin-process.js';

const redis = useRedis();
beforeEach(async () => pretendDetector(new SingleFleet(await redis.client())));
const env = () => ({ DEVSTATE_URL: redis.url });
const run = (script: string, more = {}) => shell(script, { ...env(), ...more });

async function populate(count: number): Promise<void> {
  const pipeline = (await redis.client()).pipeline();
  for (let i = 0; i < count; i++) {
    const id = `sensor-${i}`;
    pipeline.hset(`device:state:${id}`, { deviceId: id, deviceType: 'sensor', lastSeen: Date.now() });
    pipeline
      .set(`device:heartbeat:${id}`, '1', 'EX', 600)
      .sadd('devices:online', id)
      .sadd('devices:registered', id);
  }
  await pipeline.exec();
}

describe('pipes', () => {
  test('get --json into a parser of JSON', async () => {
    await run('devstate register X --type t --meta n=1.50 && devstate heartbeat X --report temperature=23.5');
    const parse =
      'process.stdin.on("data", (text) => console.log(JSON.parse(text).reportedState.temperature))';
    expect(await run(`devstate get X --json | node -e '${parse}'`)).toMatchObject({
      exit: 0,
      stdout: '23.5\n',
      stderr: '',
    });
    const jq = await run('command -v jq >/dev/null || exit 42; devstate get X --json | jq .metadata.n');
    if (jq.exit !== 42)
      expect(jq).toMatchObject({ exit: 0, stdout: expect.stringMatching(/^1\.50?\n$/), stderr: '' });
  });

  test.each([
    'list-online -o name',
    'list-online',
    'list --json',
    'list -o ndjson --with-state',
    'stale --older-than 0',
    '--help',
  ])('%s | head -1, with 2,000 devices', async (argv) => {
    await populate(2000);
    const { exit, stdout, stderr } = await run(`devstate ${argv} | head -1`);
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    expect(stdout.split('\n')).toHaveLength(2);
  });

  test('ids from one command to the next', async () => {
    await populate(50);
    const { exit, stdout, stderr } = await run(
      'devstate list-online -o name | devstate disconnect - -o name | sort -u | wc -l; devstate list-online --fail-if-empty',
    );
    expect({ exit, stdout: stdout.trim(), stderr }).toEqual({
      exit: 4,
      stdout: '50',
      stderr: 'no devices online\n',
    });
  });

  test('whose reader leaves: what is done is done to the end, what is asked is not', async () => {
    await populate(2000);
    const ids = 'devstate list -o name | sort';
    const leaves = await run(`${ids} | devstate disconnect - -o name | head -1`);
    expect(leaves).toMatchObject({ exit: 0, stdout: 'sensor-0\n', stderr: '' });
    expect(await run('devstate list-online --fail-if-empty -q')).toMatchObject({ exit: 4, stdout: '' });
    // What comes in never ends, as long as somebody takes what comes out.
    const asks = await run('yes sensor-1 | devstate get - -o name | head -2');
    expect(asks).toMatchObject({ stdout: 'sensor-1\nsensor-1\n', stderr: '' });
  });

  test('a line that fails fast ends it, though its writer might go on', async () => {
    const child = start(['register', '-f', '-', '--type', 't', '--fail-fast'], env(), 'pipe');
    child.stdin?.write('{"deviceId":"a"}\nnope\n');
    expect(await finished(child)).toMatchObject({
      exit: 7,
      stderr: expect.stringMatching(/^devstate: line 2: bad JSON.*\n1 done, 1 failed\n$/),
    });
  });

  test('NO_COLOR=1, no terminal: not an escape sequence', async () => {
    await populate(3);
    await Promise.all(
      [{ NO_COLOR: '1' }, { FORCE_COLOR: '1', TERM: 'xterm-256color' }].map(async (more) => {
        const { stdout, stderr } = await run('devstate list; devstate get sensor-1; devstate nope', more);
        expect(stdout).toContain('sensor-1');
        expect(stdout + stderr).not.toContain('\u001b');
      }),
    );
  });
});

describe('closed streams', () => {
  test.each([
    'list-online',
    'get sensor-1 --json',
    '--version',
    '--help',
    'get nope',
    'watch-presence --for 1ms',
    'heartbeat sensor-1',
  ])('%s with stdout closed, stderr closed, or both', async (argv) => {
    await populate(5);
    const code = argv === 'get nope' ? 3 : 0;
    await Promise.all(
      ['>&-', '2>&-', '>&- 2>&-', '<&-'].map(async (closed) => {
        const { exit, stdout, stderr } = await run(`devstate ${argv} ${closed}`);
        expect({ closed, exit }).toEqual({ closed, exit: code });
        if (closed.startsWith('>')) expect(stdout).toBe('');
        expect(stderr).not.toMatch(/EPIPE|EBADF| {4}at /);
      }),
    );
  });

  test('watch-presence whose reader leaves ends with the next event', async () => {
    await run('devstate register a --type t');
    const script = `devstate watch-presence -o name 2>&3 | head -1; echo "\${PIPESTATUS[*]}"`;
    const { exit, stdout, stderr } = await run(
      // The shell toggles the device until the watcher is gone.
      `exec 3>&2; ( ${script} ) & watcher=$!
       while kill -0 $watcher 2>/dev/null; do devstate heartbeat a -o name >/dev/null; devstate disconnect a -o name >/dev/null; done
       wait $watcher`,
    );
    expect({ exit, stdout, stderr }).toEqual({ exit: 0, stdout: 'a\n0 0\n', stderr: 'watching\n' });
  });
});

describe('signals', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s ends with %i, quietly', async (signal, code) => {
    await run('devstate register a --type t');
    const running = [
      { child: start(['watch-presence'], env()), ready: ['stderr', 'watching'] },
      { child: start(['heartbeat', 'a', '--every', '10s'], env()), ready: ['stdout', 'a online'] },
      {
        child: start(['watch-presence', '--count', '5', '--for', '1h', '--json'], env()),
        ready: ['stderr', 'watching'],
      },
    ] as const;
    await Promise.all(
      running.map(async ({ child, ready: [stream, text] }) => {
        const end = finished(child);
        await says(child, stream, text);
        child.kill(signal);
        const { exit, stderr } = await end;
        expect({ exit, stderr }).toEqual({ exit: code, stderr: stream === 'stderr' ? 'watching\n' : '' });
      }),
    );
  });

  test('a file of heartbeats ends between batches, and says what was done', async () => {
    await populate(5000);
    const client = await redis.client();
    await client.del('devices:online');
    const child = start(['heartbeat', '-f', '-', '-o', 'ndjson', '--fields', 'deviceId'], env(), 'pipe');
    const end = finished(child);
    child.stdin?.on('error', () => {}); // it is left while it is written to
    const begun = says(child, 'stdout', 'sensor-1"');
    child.stdin?.write(Array.from({ length: 5000 }, (_, i) => `{"deviceId":"sensor-${i}"}\n`).join(''));
    await begun;
    child.kill('SIGINT');
    const { exit, stdout, stderr } = await end;
    // A machine that is busy may not get an answer to the last of them within the time that an end may take.
    const [, ...counts] = /^(\d+) done, 0 failed(?:, (\d+) unknown)?\n$/.exec(stderr) ?? [];
    const [done = 0, unknown = 0] = counts.map((count) => Number(count ?? 0));
    expect(exit).toBe(130);
    expect(done).toBeGreaterThan(0);
    expect(stdout.split('\n').length - 1).toBe(done);
    const online = await client.scard('devices:online');
    expect(online).toBeGreaterThanOrEqual(done);
    expect(online).toBeLessThanOrEqual(done + unknown);
  });

  test('one that waits for input, or for a server before it takes any', async () => {
    const silent = await useFakeServer();
    await run('devstate register a --type t');
    const asking = start(['get', '-', '-o', 'name'], env(), 'pipe');
    const asked = says(asking, 'stdout', 'a');
    asking.stdin?.write('a\n');
    const waiting = start(
      ['heartbeat', '-f', '-', '--url', silent.url, '--request-timeout', '1h'],
      {},
      'pipe',
    );
    await Promise.all([asked, until(() => silent.connections > 0)]);
    const ends = [asking, waiting].map(finished);
    for (const child of [asking, waiting]) child.kill('SIGINT');
    for (const end of await Promise.all(ends)) expect(end).toMatchObject({ exit: 130, stderr: '' });
  });

  test('one that waits for a server that is silent', async () => {
    const silent = await useFakeServer();
    const child = start(['list', '--request-timeout', '1h', '--url', silent.url]);
    const end = finished(child);
    await until(() => silent.connections > 0);
    child.kill('SIGTERM');
    expect(await end).toEqual({ exit: 143, signal: null, stdout: '', stderr: '' });
  });
});

describe('demo', () => {
  test('runs green on a server of its own, and on a given one without leaving a key', async () => {
    const [own, given] = await Promise.all([run('devstate demo'), run(`devstate demo --url ${redis.url}`)]);
    for (const { exit, stdout, stderr } of [own, given]) {
      expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
      expect(stdout).toContain('$ devstate set-desired sensor-001 interval=30\n');
      expect(stdout).toMatch(/> \S+ {3}sensor-002 +sensor +offline +timeout +2s\n/);
      expect(stdout.trimEnd().split('\n').at(-1)).toBe('  devstate --help');
    }
    expect(await (await redis.client()).keys('devstate-demo-*')).toEqual([]);
  });

  test('a reader that leaves is no failure', async () => {
    const { exit, stdout, stderr } = await run('devstate demo | head -3');
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    expect(stdout.split('\n')).toHaveLength(4);
  });

  test('without a redis-server: one line and what to do', async () => {
    const { exit, stdout, stderr } = await run('devstate demo', {
      DEVSTATE_REDIS_SERVER: '/no/such/redis-server',
    });
    expect({ exit, stdout }).toEqual({ exit: 5, stdout: '' });
    expect(stderr).toMatch(
      /^devstate: no redis-server found at "\/no\/such\/redis-server"\nhint: install it .*\n$/,
    );
  });
});

test('a password that the server does not ask for is no word worth', async () => {
  const more = { REDISCLI_AUTH: 'secret' };
  expect(await run('devstate register a --type t -o name && devstate get a -o name', more)).toMatchObject({
    exit: 0,
    stdout: 'a\na\n',
    stderr: '',
  });
});

test('--version is the package’s, from wherever it is called', async () => {
  const { version } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'));
  for (const argv of ['--version', '-V', 'list --version']) {
    expect(await run(`cd /; devstate ${argv}`)).toMatchObject({
      exit: 0,
      stdout: `${version}\n`,
      stderr: '',
    });
  }
});

test('a link to it works as it does', async () => {
  const { stdout, exit } = await run(
    `dir=$(mktemp -d); ln -s '${bin}' $dir/devstate; $dir/devstate completion bash | bash -n && $dir/devstate -V; rm -r $dir`,
  );
  expect({ exit, stdout: stdout.trim() }).toMatchObject({
    exit: 0,
    stdout: expect.stringMatching(/^\d+\.\d+\.\d+/),
  });
});

test('an id that is not UTF-8 is refused, so that two of them do not become one', async () => {
  expect(await run(`devstate register $'caf\\xe9' --type t`)).toMatchObject({
    exit: 2,
    stdout: '',
    stderr: 'devstate: the argument "caf\ufffd" is not valid UTF-8\n',
  });
});
