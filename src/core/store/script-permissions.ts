/**
 * Whether the user may send every command of a script. Redis checks a command of a script only when the script sends
 * it, and does not undo what the script wrote before; so a script asks before its first write, for each command that it
 * may send in this fleet. It asks only if the argument `permissionCheck` is 1, because the answers take about as long as
 * a heartbeat.
 *
 * A server can be asked since Redis 7.0. On Redis 6.2 a user who lacks a command of a script may leave part of what the
 * script writes; users with the rules that `devstate acl` prints lack none.
 */
import { KEYS_OF_COMMANDS, LEAST_ARGUMENTS, type ScriptCommand } from './script-commands.js';
import type { DeviceKey, PartitionKey, ScriptShape } from './script-descriptor.js';
import { keyType } from './script-keys.js';

/** The beginning of the error with which a script refuses to begin. */
export const REFUSAL = 'NOPERM this user may not ';

/**
 * Returns commands that the script does not send in some fleets, each with the condition of such a fleet in Lua: lengths
 * are asked for where devices have logins, and RPUSH is sent where a kind of history is kept.
 */
function unsentConditions({ args, unsentIf }: ScriptShape): ScriptShape['unsentIf'] & {} {
  const caps = args.filter((name) => name.endsWith('Cap')).map((name) => `${name} == '0'`);
  return {
    HSTRLEN: "maxFieldBytes == '0'",
    ...(caps.length > 0 && { RPUSH: caps.join(' and ') }),
    ...unsentIf,
  };
}

/**
 * Returns Lua code that ends the script with an error if the user may not send one of its commands. The permission may
 * depend on the key, so each command is asked for with the first key of its type: in a call for many devices, a key of
 * the first.
 */
export function permissionCheckCode(name: string, shape: ScriptShape): string[] {
  const commands = [...new Set([...shape.probes, ...shape.commands])];
  const unsentIf = unsentConditions(shape);
  const calls = commands.map((command) => {
    const isUnsent = unsentIf[command] ? [`isUnsent = ${unsentIf[command]}`] : [];
    return `{${[`'${command}'`, ...argumentsOf(command, shape), ...isUnsent].join(', ')}}`;
  });
  return [
    "if permissionCheck == '1' and redis.acl_check_cmd then",
    `  for _, call in ipairs({${calls.join(', ')}}) do`,
    '    if not call.isUnsent and not redis.acl_check_cmd(unpack(call)) then',
    `      local denied = call[1] == 'PUBLISH' and 'publish to the channel' or 'send ' .. call[1] .. ', as ${name} does'`,
    `      return redis.error_reply('${REFUSAL}' .. denied)`,
    '    end',
    '  end',
    'end',
  ];
}

/** Some servers refuse the check if the command has too few arguments. Those after the key are empty: only keys count. */
function argumentsOf(command: ScriptCommand, shape: ScriptShape): string[] {
  const first = firstArgument(command, shape);
  return [...first, ...Array<string>(LEAST_ARGUMENTS[command] - first.length).fill("''")];
}

function firstArgument(command: ScriptCommand, { keys, deviceKeys }: ScriptShape): string[] {
  const wanted = KEYS_OF_COMMANDS[command];
  if (wanted === 'none') return [];
  if (wanted === 'channel') return ['channel'];
  const all: (PartitionKey | DeviceKey)[] = [...keys, ...deviceKeys];
  const index = all.findIndex((key) => wanted === 'any' || keyType(key) === wanted);
  return [`KEYS[${index + 1}]`];
}

/** How long an answer holds, ms: an administrator may take a permission away at any time. */
const ANSWER_HOLDS_MS = 1000;

/** Remembers for which scripts the server has answered that the user may send their commands. */
export class ConfirmedPermissions {
  /** When the server answered, by the name of the script, ms on the clock of `performance.now()`. */
  readonly #answeredAtMs = new Map<string, number>();

  has(script: string): boolean {
    return performance.now() - (this.#answeredAtMs.get(script) ?? -ANSWER_HOLDS_MS) < ANSWER_HOLDS_MS;
  }

  add(script: string): void {
    this.#answeredAtMs.set(script, performance.now());
  }

  /** Forgets the answer for a script, so that the next call asks again. */
  delete(script: string): void {
    this.#answeredAtMs.delete(script);
  }
}
