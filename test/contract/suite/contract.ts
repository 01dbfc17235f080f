/** What devstate promises of its core, whatever Redis it runs on. */
import { describe } from 'vitest';
import type { Backend } from '../../support/backends.js';
import { errors } from './errors.js';
import { beating } from './heartbeats.js';
import { past } from './history.js';
import { ids } from './ids.js';
import { library } from './library.js';
import { presence } from './presence.js';
import { queries } from './queries.js';
import { registry } from './registry.js';
import { shadows } from './shadows.js';

const PARTS = [registry, beating, shadows, presence, past, queries, ids, errors, library];

export function contract(backend: Backend): void {
  describe(`the contract on ${backend.name}`, () => {
    for (const part of PARTS) part(backend);
  });
}
