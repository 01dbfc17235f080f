/** No output contains a password, whatever fails: neither stdout nor stderr, even with -vv. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PrivateServer, startServer } from '../../src/redis/private-server.js';
import { type Certificates, makeCertificates } from '../support/certificates.js';
import { cli } from '../support/cli.js';
import { startTls, type TlsServer } from '../support/tls.js';

const SECRET = 's3same';
const ENCODED = 's3%73ame';

let folder: string;
let server: PrivateServer;
let tls: TlsServer;
let made: Certificates;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'devstate-'));
  made = await makeCertificates();
  server = await startServer({ port: true, args: ['--requirepass', `not-${SECRET}`] });
  tls = await startTls(made, 'server', { clients: 'yes' });
});
afterAll(async () => {
  await Promise.all([server.stop(), tls.stop()]);
  await made.remove();
  rmSync(folder, { recursive: true });
});

/** `PLAIN` and `TLS` are replaced by the servers' addresses. */
const URLS = [
  'redis://:SECRET@127.0.0.1:1',
  'redis://bob:SECRET@127.0.0.1:1/2',
  'redis://:SECRET@PLAIN',
  'redis://bob:SECRET@PLAIN/3',
  'redis://:SECRET@TLS',
  'rediss://:SECRET@TLS',
  'rediss://bob:SECRET@PLAIN',
  'redis-sentinel://:SECRET@127.0.0.1:1,127.0.0.1:2#m',
  'redis-sentinel://:SECRET@PLAIN#m',
  'redis-sentinel://:SECRET@PLAIN',
  'rediss-sentinel://:SECRET@TLS#m',
  'redis-cluster://:SECRET@127.0.0.1:1',
  'redis-cluster://:SECRET@PLAIN/5',
  'redis://:SECRET@no-such-host.invalid',
  'redis://:SECRET@h:port',
  'redis://:SECRET@h h',
  'redis://:SECRET',
  'redis://:SECRET#@h',
  'redis://:1?SECRET@h',
  'redis://:%zzSECRET@h',
  'http://:SECRET@h',
  'unix://:SECRET@/x',
  ':SECRET@h',
  'SECRET',
];

const COMMANDS = [
  'get d1',
  'watch-presence',
  'heartbeat d1 --every 1s',
  'register -f - --json',
  'list -o ndjson',
];

describe.each(URLS)('%s', (template) => {
  const url = (secret: string) =>
    template
      .replace('SECRET', secret)
      .replace('PLAIN', server.url.slice(8))
      .replace('TLS', `127.0.0.1:${tls.port}`);

  async function fails(argv: string, env: Record<string, string>): Promise<void> {
    const run = await cli('').run(`${argv} -vv --request-timeout 300ms`, { env });
    expect(run.exit).toBeGreaterThan(1);
    expect(run.stdout + run.stderr).not.toContain(SECRET);
    expect(run.stdout + run.stderr).not.toContain(ENCODED);
  }

  test('is not printed when it comes from --url, a variable, REDISCLI_AUTH or a context', async () => {
    const file = join(folder, 'config.toml');
    writeFileSync(file, `[contexts.a]\nurl = ${JSON.stringify(url(SECRET))}\n`, { mode: 0o644 });
    const config = { DEVSTATE_CONFIG: file };
    for (const argv of COMMANDS) await fails(argv, { DEVSTATE_URL: url(SECRET) });
    await fails('get d1', { REDIS_URL: url(ENCODED) });
    await fails('get d1', { DEVSTATE_URL: url(''), REDISCLI_AUTH: SECRET });
    if (!/ /.test(template)) await fails(`get d1 --url ${url(SECRET)}`, {});
    await fails('get d1 --context a', config);
    await fails('unregister d1 --context a', config);
    await fails(`context set b --protected`, config);
    await fails(`context show b`, config);
    const { stdout, stderr } = await cli('').run('context list -vv', { env: config });
    expect(stdout + stderr).not.toContain(SECRET);
  });
});
