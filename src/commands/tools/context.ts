/** `devstate context ACTION`: servers by name, kept in a file. What is shown of them has no password. */
import { quote, usageError } from '../../core/model/errors.js';
import type { View } from '../../output/view.js';
import { command } from '../shared/command.js';
import type { Context } from '../shared/context.js';
import type { ContextEntry } from '../shared/context-store.js';

const OPTIONAL = ['namespace', 'dialect', 'readOnly', 'ca', 'cert', 'key', 'insecure'] as const;

type Optional = (typeof OPTIONAL)[number];

interface Options {
  protected?: boolean;
  unset?: Optional[];
}

const fields = [
  ...['name', 'current', 'url', 'namespace', 'dialect', 'readOnly', 'protected'],
  ...['ca', 'cert', 'key', 'insecure'],
];

const ENTRY: View<ContextEntry> = {
  fields,
  json: (row) => ({ ...row }),
  name: ({ name }) => name,
  columns: [
    { header: 'CURRENT', cell: ({ current }) => (current ? '*' : '-') },
    { header: 'NAME', cell: ({ name }) => name },
    { header: 'URL', cell: ({ url }) => url },
    { header: 'NAMESPACE', cell: ({ namespace }) => namespace ?? '-' },
    { header: 'ACCESS', cell: accessText },
  ],
  wide: [
    { header: 'DIALECT', cell: ({ dialect }) => dialect ?? '-' },
    { header: 'CA', cell: ({ ca }) => ca ?? '-' },
    { header: 'CERT', cell: ({ cert }) => cert ?? '-' },
    { header: 'KEY', cell: ({ key }) => key ?? '-' },
  ],
  empty: 'no contexts',
  sheet: (row) => [
    ['NAME', row.name],
    ['CURRENT', row.current ? 'yes' : 'no'],
    ['URL', row.url],
    ['NAMESPACE', row.namespace ?? '-'],
    ['DIALECT', row.dialect ?? '-'],
    ['ACCESS', accessText(row)],
    ['CA', row.ca ?? '-'],
    ['CERT', row.cert ?? '-'],
    ['KEY', row.key ?? '-'],
  ],
};

/** The same, as what was done. */
function done(line: (name: string) => string): View<ContextEntry> {
  const { sheet: _, ...view } = ENTRY;
  return { ...view, line: ({ name }) => line(name) };
}

const USED = done((name) => `${name} is current`);
const SET = done((name) => `${name} set`);
const REMOVED: View<{ name: string; removed: true }> = {
  fields: ['name', 'removed'],
  json: (row) => ({ ...row }),
  name: ({ name }) => name,
  columns: [],
  line: ({ name }) => `${name} removed`,
};

type Action = (context: Context, name: string, options: Options) => Promise<void>;

const list: Action = async ({ print, contexts }) => {
  print.check(ENTRY);
  await print.list(ENTRY, await (await contexts()).list());
};

const use: Action = async ({ print, contexts, env, notice }, name) => {
  print.check(USED);
  await print.one(USED, await (await contexts()).use(name));
  const before = ['DEVSTATE_URL', 'REDIS_URL'].find((variable) => env[variable]);
  if (before !== undefined) notice(`${before} is set, and goes before it`);
};

const show: Action = async ({ print, contexts }, name: string | undefined) => {
  print.check(ENTRY);
  await print.one(ENTRY, await (await contexts()).get(name));
};

const set: Action = async ({ print, contexts }, name, { unset = [], ...changes }) => {
  print.check(SET);
  await print.one(SET, await (await contexts()).set(name, { ...changes, unset }));
};

const remove: Action = async ({ print, contexts }, name) => {
  print.check(REMOVED);
  await (await contexts()).remove(name);
  await print.one(REMOVED, { name, removed: true });
};

const ACTIONS = { list, use, show, set, remove };

export const context = command<Options>({
  name: 'context',
  group: 'Tools',
  summary: 'Keep servers by name: URL, namespace, dialect, certificates, what may be done there',
  arguments: [
    { name: 'action', summary: 'what to do', required: true, values: Object.keys(ACTIONS) },
    { name: 'name', summary: 'the context' },
  ],
  options: [
    { flags: '--protected', summary: 'set: ask before a write in bulk' },
    { flags: '--no-protected', summary: 'set: do not' },
    {
      flags: '--unset <field>',
      summary: 'set: take this away again',
      values: OPTIONAL,
      parse: parseField,
      repeat: true,
    },
  ],
  examples: [
    'devstate context set prod --url rediss://ops@db:6379 -n acme --ca ca.pem --protected',
    'devstate context use prod',
    'devstate list --context prod',
    'devstate context set prod --read-only --unset namespace',
  ],
  async run(context, [action = '', name], options) {
    const act = Object.hasOwn(ACTIONS, action) ? ACTIONS[action as keyof typeof ACTIONS] : undefined;
    if (!act)
      throw usageError(`context cannot ${quote(action)}`, `it can ${Object.keys(ACTIONS).join(', ')}`);
    if (action !== 'set' && Object.keys(options).length > 0)
      throw usageError('--protected and --unset go with context set');
    if (action === 'list' && name !== undefined)
      throw usageError('list takes no name', 'devstate context show NAME');
    if (action !== 'list' && action !== 'show' && name === undefined)
      throw usageError('a name is due', `devstate context ${action} NAME`);
    await act(context, name as string, options);
  },
});

function accessText({ readOnly, protected: guarded, insecure }: ContextEntry): string {
  const words = [readOnly && 'read-only', guarded && 'protected', insecure && 'insecure'];
  return words.filter((word) => word !== false).join(', ') || '-';
}

function parseField(text: string): Optional {
  const field = OPTIONAL.find((each) => each === text);
  if (field === undefined) throw usageError(`no field ${quote(text)}`, `one of ${OPTIONAL.join(', ')}`);
  return field;
}
