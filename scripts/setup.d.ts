export function setup(): void;
export function setupDependencies(): void;
export function dependenciesAreCurrent(folder?: string): boolean;
