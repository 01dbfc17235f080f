/** `devstate completion SHELL`: prints a script that completes commands, options and their values. */
import { usageError } from '../../core/model/errors.js';
import type { View } from '../../output/view.js';
import { command } from '../shared/command.js';
import type { ProgramDeclaration } from '../shared/declaration.js';
import { bash } from './completion/bash.js';
import { fish } from './completion/fish.js';
import { zsh } from './completion/zsh.js';

const SHELLS: Readonly<Record<string, (program: ProgramDeclaration) => string>> = { bash, zsh, fish };

export function completionScript(shell: string, program: ProgramDeclaration): string {
  const script = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined;
  if (!script) throw usageError(`no completion for ${shell}`, `one of ${Object.keys(SHELLS).join(', ')}`);
  return script(program);
}

interface Script {
  shell: string;
  script: string;
}

const SCRIPT: View<Script> = {
  fields: ['shell', 'script'],
  json: (row) => ({ ...row }),
  name: ({ script }) => script,
  columns: [{ header: 'SCRIPT', cell: ({ script }) => script }],
  line: ({ script }) => script,
};

export const completion = command({
  name: 'completion',
  group: 'Tools',
  summary: 'Print a completion script for your shell',
  arguments: [{ name: 'shell', summary: 'shell', required: true, values: Object.keys(SHELLS) }],
  options: [],
  examples: [
    'source <(devstate completion bash)',
    'devstate completion zsh > "$fpath[1]/_devstate"',
    'devstate completion fish > ~/.config/fish/completions/devstate.fish',
  ],
  async run({ print, declarations }, [shell = '']) {
    const script = completionScript(shell, declarations);
    if (print.isJson) return print.one(SCRIPT, { shell, script });
    // In table format a line break within a row is escaped, so each line is printed as a row.
    for (const line of script.trimEnd().split('\n')) await print.one(SCRIPT, { shell, script: line });
  },
});
