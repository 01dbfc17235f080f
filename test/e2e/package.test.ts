/** What npm would publish: the files that run and nothing else, and they do run in a folder of their own. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { type PrivateServer, startServer } from '../../src/redis/private-server.js';
import { finished, root } from './bin-process.js';

let folder: string;
let server: PrivateServer;
let files: string[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'devstate-'));
  // Without scripts: prepack would build again, under the feet of the other tests.
  const packed = execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [pack] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }];
  files = pack.files.map(({ path }) => path);
  mkdirSync(join(folder, 'node_modules/devstate'), { recursive: true });
  execFileSync('tar', [
    '-xzf',
    join(folder, pack.filename),
    '-C',
    join(folder, 'node_modules/devstate'),
    '--strip-components=1',
  ]);
  server = await startServer({ port: true });
}, 120_000);
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await server.stop();
});

const node = (...argv: string[]) =>
  finished(spawn(process.execPath, argv, { cwd: folder, env: { PATH: process.env.PATH } }));

test('holds what runs and nothing else', () => {
  const expected = [
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'bin/devstate.cjs',
    'bin/load.cjs',
    'package.json',
  ];
  expect(files.filter((path) => !/^(dist|completions)\//.test(path)).sort()).toEqual(expected);
  expect(files.filter((path) => path.startsWith('completions/')).sort()).toEqual(
    ['bash', 'fish', 'zsh'].map((shell) => `completions/devstate.${shell}`),
  );
  const dist = files.filter((path) => path.startsWith('dist/'));
  expect(dist).toEqual(
    expect.arrayContaining(['dist/index.js', 'dist/types/index.d.ts', 'dist/cli/main.cjs']),
  );
  expect(
    dist.filter(
      (path) => !/^dist\/(index\.js|cli\/[\w-]+\.cjs|types\/.*\.d\.ts|THIRD-PARTY-LICENSES\.txt)$/.test(path),
    ),
  ).toEqual([]);
});

test('the executable needs no other package', async () => {
  const bin = 'node_modules/devstate/bin/devstate.cjs';
  expect(await node(bin, '--version')).toMatchObject({
    exit: 0,
    stdout: `${packageJson.version}\n`,
    stderr: '',
  });
  expect(
    await node(bin, 'heartbeat', 'd1', '--register', '--type', 't', '-o', 'name', '--url', server.url),
  ).toMatchObject({
    exit: 0,
    stdout: 'd1\n',
    stderr: '',
  });
});

describe('the library', () => {
  beforeAll(() => {
    const ours = join(root, 'node_modules');
    for (const name of [...Object.keys(packageJson.dependencies), '@types']) {
      symlinkSync(join(ours, name), join(folder, 'node_modules', name));
    }
  });

  const USE = (host: string) => `
    const manager = new DeviceStateManager({ host: '${host}', port: ${new URL(server.url).port} });
    await manager.registerDevice('lib', 'sensor', { place: 'x' });
    await manager.deviceHeartbeat('lib', { temperature: 23.5 });
    await manager.setDesiredState('lib', { interval: 30 });
    const { status, reportedState } = await manager.getDeviceState('lib');
    const { inSync, delta } = await manager.getStateDelta('lib');
    console.log(JSON.stringify({ status, reportedState, inSync, delta }));
    await manager.unregisterDevice('lib');
    await manager.close();`;
  const SAID =
    '{"status":"online","reportedState":{"temperature":23.5},"inSync":false,"delta":{"interval":{"desired":30,"reported":null}}}\n';

  test('is imported', async () => {
    writeFileSync(
      join(folder, 'use.mjs'),
      `import { DeviceStateManager } from 'devstate';${USE('127.0.0.1')}`,
    );
    expect(await node('use.mjs')).toMatchObject({ exit: 0, stdout: SAID, stderr: '' });
  });

  test('is required', async () => {
    writeFileSync(
      join(folder, 'use.cjs'),
      `const { DeviceStateManager } = require('devstate'); (async () => {${USE('127.0.0.1')}})();`,
    );
    expect(await node('use.cjs')).toMatchObject({ exit: 0, stdout: SAID, stderr: '' });
  });

  test('has types that a strict compiler takes, those of its dependencies included', () => {
    writeFileSync(
      join(folder, 'use.mts'),
      `import { DeviceStateManager, DevstateError, type DeviceState, type PresenceEvent } from 'devstate';
       const manager = new DeviceStateManager({ host: 'localhost', port: 6379 }, { namespace: 'acme' });
       export const state: DeviceState | null = await manager.getDeviceState('d1');
       export const online: string[] = await manager.getOnlineDevices();
       export const stop: () => void = manager.subscribeToPresence(({ deviceId, status }: PresenceEvent) => \`\${deviceId} \${status}\`);
       export const failed = (error: unknown) => error instanceof DevstateError && error.code === 'NOT_FOUND';
       // @ts-expect-error a status is no number
       export const wrong: number = (await manager.getDeviceState('d1'))?.status;`,
    );
    writeFileSync(
      join(folder, 'use.cts'),
      `import { DeviceStateManager } from 'devstate'; export const manager: DeviceStateManager = new DeviceStateManager();`,
    );
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          module: 'nodenext',
          target: 'es2022',
          strict: true,
          skipLibCheck: false,
          noEmit: true,
          types: ['node'],
        },
        files: ['use.mts', 'use.cts'],
      }),
    );
    const compile = () =>
      execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder], { encoding: 'utf8' });
    expect(compile()).toBe('');
  }, 60_000);
});
