export function randomNumbers(seed: number): () => number;
export function randomPicker(seed: number): <T>(list: readonly T[]) => T;
