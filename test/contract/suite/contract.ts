/** The contract suite: tests of the core that must pass on every kind of Redis deployment. */
import { describe } from 'vitest';
import type { Backend } from '../../support/backends.js';
import { attackTests } from './attacks.js';
import { deviceRoleTests } from './device-role.js';
import { errorTests } from './errors.js';
import { heartbeatTests } from './heartbeats.js';
import { historyTests } from './history.js';
import { idTests } from './ids.js';
import { libraryTests } from './library.js';
import { presenceTests } from './presence.js';
import { queryTests } from './queries.js';
import { registryTests } from './registry.js';
import { shadowTests } from './shadows.js';

const PARTS = [
  registryTests,
  heartbeatTests,
  deviceRoleTests,
  attackTests,
  shadowTests,
  presenceTests,
  historyTests,
  queryTests,
  idTests,
  errorTests,
  libraryTests,
];

export function contract(backend: Backend): void {
  describe(`the contract on ${backend.name}`, () => {
    for (const addTests of PARTS) addTests(backend);
  });
}
