/**
 * How `devstate context` shows contexts. The context store has already replaced the password in each URL by ***.
 */
import type { View } from '../../output/view.js';
import type { ContextEntry } from '../shared/saved-context-store.js';

export const CONTEXT: View<ContextEntry> = {
  fields: [
    'name',
    'current',
    'url',
    'namespace',
    'dialect',
    'readOnly',
    'protected',
    'ca',
    'cert',
    'key',
    'insecure',
    'role',
    'partitions',
    'historyCap',
  ],
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
  emptyNotice: 'no contexts',
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

/**
 * Returns the view of an action on a context: its JSON output is the whole context, and people see one line that
 * says what was done.
 */
function actionView(line: (name: string) => string): View<ContextEntry> {
  const { sheet: _, ...view } = CONTEXT;
  return { ...view, line: ({ name }) => line(name) };
}

export const CONTEXT_USED = actionView((name) => `${name} is current`);
export const CONTEXT_SET = actionView((name) => `${name} set`);

export const CONTEXT_REMOVED: View<{ name: string; removed: true }> = {
  fields: ['name', 'removed'],
  json: (row) => ({ ...row }),
  name: ({ name }) => name,
  columns: [],
  line: ({ name }) => `${name} removed`,
};

function accessText({ readOnly, protected: isProtected, insecure, role }: ContextEntry): string {
  const words = [
    role !== null && `role ${role}`,
    readOnly && 'read-only',
    isProtected && 'protected',
    insecure && 'insecure',
  ];
  return words.filter((word) => word !== false).join(', ') || '-';
}
