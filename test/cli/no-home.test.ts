/** A user without a home folder, as in a container with an unknown user id: there are no contexts, and commands go on. */
import { expect, test, vi } from 'vitest';
import { cli } from '../support/cli.js';
import { useRedis } from '../support/redis.js';

vi.mock('node:os', async (original) => ({
  ...(await original<typeof import('node:os')>()),
  homedir() {
    throw Object.assign(new Error('A system error occurred: uv_os_homedir returned ENOENT'), {
      code: 'ERR_SYSTEM_ERROR',
    });
  },
}));

const redis = useRedis();
const homeless = { DEVSTATE_CONFIG: '', DEVSTATE_URL: '' };
const session = (argv: string) => cli(redis).session(argv.replace('URL', redis.url), { env: homeless });
const NO_PLACE =
  '! devstate: no home folder to save contexts in\n! hint: DEVSTATE_CONFIG=FILE names another place\nexit 2\n';

test.each([
  ['list --url URL', '! no devices\n'],
  ['context list', '! no contexts\n'],
  ['context show', '! devstate: there is no current context\n! hint: devstate context use NAME\nexit 2\n'],
  [
    'list --context prod',
    '! devstate: no context "prod"\n! hint: devstate context set NAME --url URL\nexit 2\n',
  ],
  ['context use prod', NO_PLACE],
  ['context set prod --url URL', NO_PLACE],
  ['context remove prod', NO_PLACE],
])('%s', async (argv, said) => {
  expect(await session(argv)).toBe(said);
});

test('acl needs no contexts', async () => {
  expect(await session('acl viewer')).toMatch(/^ACL SETUSER viewer /);
});
