/**
 * Loaded before the tests (`bunfig.toml`): nothing of theirs is left when they have ended.
 * @module
 */
import { afterAll } from 'bun:test'
import { end } from './temporary.ts'

afterAll(end)
