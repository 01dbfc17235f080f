/**
 * The hold on live Redis: outages of each kind and length, with TTLs and cadences of heartbeats. No device that beats on
 * is announced offline, and every death is announced in time. `npm test` takes one outage of each kind, the soak run all.
 */
import { expect, test } from 'vitest';
import { ALL_ABSENCES, DEVICES_ALONE } from '../../support/hold/absences.js';
import { type Cell, runScene, type Scene } from '../../support/hold/scene.js';
import { randomNumbers } from '../../support/random.mjs';
import { printReport, summarizeMs } from '../../support/report.js';
import { bySize, seedsOf } from '../../support/size.js';

const [SEED = 1] = seedsOf(1);
/** What a busy machine may add to the time until a death is announced, ms. */
const MARGIN_MS = 1000;
const SHORT_TTL_MS = 2000;
const SHORTEST_OUTAGE_MS = 500;

/** The scenes of each TTL, with how many run at once. */
const WHOLE: readonly [ttlMs: number, atOnce: number][] = [
  [1000, 2],
  [2000, 4],
  [5000, 6],
];

/** Outages of the devices alone are held for the largest part, but not all, if they last over a TTL. */
const MAX_TTLS = (scene: Pick<Scene, 'absence'>) => (DEVICES_ALONE.includes(scene.absence) ? 1 : 2);

function shortRound(): Scene[] {
  const random = randomNumbers(SEED);
  return ALL_ABSENCES.map((absence, i) => {
    const longest = MAX_TTLS({ absence }) * SHORT_TTL_MS;
    const outageMs = SHORTEST_OUTAGE_MS + random() * (longest - SHORTEST_OUTAGE_MS);
    return { absence, ttlMs: SHORT_TTL_MS, outageMs, seed: 100 * SEED + i };
  });
}

function wholeRound(ttlMs: number): Scene[] {
  return ALL_ABSENCES.flatMap((absence, i) => {
    const longest = MAX_TTLS({ absence }) * ttlMs;
    const lengths = [0, 1 / 3, 2 / 3, 1].map(
      (part) => SHORTEST_OUTAGE_MS + part * (longest - SHORTEST_OUTAGE_MS),
    );
    return lengths.map((outageMs, j) => ({ absence, ttlMs, outageMs, seed: 1000 * SEED + 10 * i + j }));
  });
}

async function runScenes(scenes: readonly Scene[], atOnce: number): Promise<Cell[]> {
  const queue = [...scenes];
  const cells: Cell[] = [];
  const work = async () => {
    for (let scene = queue.shift(); scene; scene = queue.shift())
      cells.push(...(await runScene(scene, MARGIN_MS)));
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return cells;
}

/**
 * Whether no heartbeat arrived for longer than devices are held: only the devices were cut off, and the machine was
 * busy.
 */
function isBeyond({ silentMs, ttlMs, absence }: Cell): boolean {
  return DEVICES_ALONE.includes(absence) && silentMs > 2 * ttlMs;
}

function expectNoneWrong(what: string, all: readonly Cell[]): void {
  const cells = all.filter((cell) => !isBeyond(cell));
  expect(cells.length).toBeGreaterThan(all.length / 2);
  const sum = (count: (cell: Cell) => number) => cells.reduce((total, cell) => total + count(cell), 0);
  printReport(`hold, ${what}`, [
    `${cells.length} of ${all.length} cells, ${sum(({ devices }) => devices)} devices, ${sum(({ deaths }) => deaths)} deaths: ` +
      `${sum((cell) => cell.false.length)} false, ${sum((cell) => cell.early.length)} early, ${sum((cell) => cell.late.length)} late`,
    `deaths announced after deadline and hold: ${summarizeMs(cells.flatMap(({ delaysMs }) => delaysMs))}`,
  ]);
  const wrong = cells.flatMap((cell) =>
    (['false', 'early', 'late'] as const).flatMap((kind) =>
      cell[kind].map((text) => `${kind}, ${cell.title}: ${text}`),
    ),
  );
  expect(wrong).toEqual([]);
}

/** Outages after which version 0.1 announced all devices: a fixed hold was too short, or began too early. */
const FORMER: readonly Scene[] = [
  { absence: 'Redis stopped', ttlMs: 2000, outageMs: 2800, seed: 1 },
  { absence: "the devices' side", ttlMs: 5000, outageMs: 8000, seed: 2 },
  { absence: "the detector's side first", ttlMs: 5000, outageMs: 5000, seed: 3 },
];

bySize(
  () =>
    test('an outage of each kind', async () => {
      const scenes = shortRound();
      expectNoneWrong(`seed ${SEED}`, await runScenes(scenes, scenes.length));
    }),
  () => {
    test('the outages that version 0.1 did not withstand', async () => {
      expectNoneWrong('outages of 0.1', await runScenes(FORMER, FORMER.length));
    });

    test.each(WHOLE)(
      'outages of each kind and length, TTL %i ms',
      async (ttlMs, atOnce) => {
        expectNoneWrong(`TTL ${ttlMs} ms`, await runScenes(wholeRound(ttlMs), atOnce));
      },
      1_200_000,
    );
  },
)();
