/**
 * The names of the environment, as a list that applications can import.
 * @module
 */
import { variableNames } from './facts.ts'

/** Every name that `toEnv` may set. */
export const ENV_NAMES: readonly string[] = /* @__PURE__ */ variableNames()
