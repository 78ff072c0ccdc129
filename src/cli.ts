#!/usr/bin/env node
/**
 * The command `tcpfingerprint`. Everything lives in `cli/`; this file only connects it to the process.
 * @module
 */
import process from 'node:process'
import { processIo } from './cli/io.ts'
import { main } from './cli/main.ts'

process.exitCode = await main(process.argv.slice(2), processIo())
