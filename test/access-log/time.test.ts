import { describe, expect, test } from 'bun:test'
import { strftime } from '../../src/access-log/time.ts'

function inUtc(format: string, seconds: number): string {
  const zone = process.env.TZ
  process.env.TZ = 'UTC'
  try {
    return strftime(format, new Date(seconds * 1000))
  } finally {
    if (zone === undefined) delete process.env.TZ
    else process.env.TZ = zone
  }
}

describe('strftime', () => {
  const FORMAT =
    '%a|%A|%b|%B|%c|%C|%d|%D|%e|%F|%g|%G|%h|%H|%I|%j|%k|%l|%m|%M|%p|%P|%r|%R|%s|%S|%T|%u|%U|%V|%w|%W|%x|%X|%y|%Y|%z|%Ey|%Od|%%|%Q|%'
  /** Recorded from GNU date in the C locale: `TZ=UTC LC_ALL=C date -d @SECONDS "+FORMAT"`. */
  const rows: readonly (readonly [number, string])[] = [
    [
      0,
      'Thu|Thursday|Jan|January|Thu Jan  1 00:00:00 1970|19|01|01/01/70| 1|1970-01-01|70|1970|Jan|00|12|001| 0|12|01|00|AM|am|12:00:00 AM|00:00|0|00|00:00:00|4|00|01|4|00|01/01/70|00:00:00|70|1970|+0000|70|01|%|%Q|%',
    ],
    [
      951782399,
      'Mon|Monday|Feb|February|Mon Feb 28 23:59:59 2000|20|28|02/28/00|28|2000-02-28|00|2000|Feb|23|11|059|23|11|02|59|PM|pm|11:59:59 PM|23:59|951782399|59|23:59:59|1|09|09|1|09|02/28/00|23:59:59|00|2000|+0000|00|28|%|%Q|%',
    ],
    [
      1104537599,
      'Fri|Friday|Dec|December|Fri Dec 31 23:59:59 2004|20|31|12/31/04|31|2004-12-31|04|2004|Dec|23|11|366|23|11|12|59|PM|pm|11:59:59 PM|23:59|1104537599|59|23:59:59|5|52|53|5|52|12/31/04|23:59:59|04|2004|+0000|04|31|%|%Q|%',
    ],
    [
      1230768000,
      'Thu|Thursday|Jan|January|Thu Jan  1 00:00:00 2009|20|01|01/01/09| 1|2009-01-01|09|2009|Jan|00|12|001| 0|12|01|00|AM|am|12:00:00 AM|00:00|1230768000|00|00:00:00|4|00|01|4|00|01/01/09|00:00:00|09|2009|+0000|09|01|%|%Q|%',
    ],
    [
      1293839999,
      'Fri|Friday|Dec|December|Fri Dec 31 23:59:59 2010|20|31|12/31/10|31|2010-12-31|10|2010|Dec|23|11|365|23|11|12|59|PM|pm|11:59:59 PM|23:59|1293839999|59|23:59:59|5|52|52|5|52|12/31/10|23:59:59|10|2010|+0000|10|31|%|%Q|%',
    ],
    [
      1483228800,
      'Sun|Sunday|Jan|January|Sun Jan  1 00:00:00 2017|20|01|01/01/17| 1|2017-01-01|16|2016|Jan|00|12|001| 0|12|01|00|AM|am|12:00:00 AM|00:00|1483228800|00|00:00:00|7|01|52|0|00|01/01/17|00:00:00|17|2017|+0000|17|01|%|%Q|%',
    ],
    [
      1767225599,
      'Wed|Wednesday|Dec|December|Wed Dec 31 23:59:59 2025|20|31|12/31/25|31|2025-12-31|26|2026|Dec|23|11|365|23|11|12|59|PM|pm|11:59:59 PM|23:59|1767225599|59|23:59:59|3|52|01|3|52|12/31/25|23:59:59|25|2025|+0000|25|31|%|%Q|%',
    ],
    [
      1795323843,
      'Sun|Sunday|Nov|November|Sun Nov 22 05:04:03 2026|20|22|11/22/26|22|2026-11-22|26|2026|Nov|05|05|326| 5| 5|11|04|AM|am|05:04:03 AM|05:04|1795323843|03|05:04:03|7|47|47|0|46|11/22/26|05:04:03|26|2026|+0000|26|22|%|%Q|%',
    ],
    [
      1609502400,
      'Fri|Friday|Jan|January|Fri Jan  1 12:00:00 2021|20|01|01/01/21| 1|2021-01-01|20|2020|Jan|12|12|001|12|12|01|00|PM|pm|12:00:00 PM|12:00|1609502400|00|12:00:00|5|00|53|5|00|01/01/21|12:00:00|21|2021|+0000|21|01|%|%Q|%',
    ],
    [
      4102444800,
      'Fri|Friday|Jan|January|Fri Jan  1 00:00:00 2100|21|01|01/01/00| 1|2100-01-01|99|2099|Jan|00|12|001| 0|12|01|00|AM|am|12:00:00 AM|00:00|4102444800|00|00:00:00|5|00|53|5|00|01/01/00|00:00:00|00|2100|+0000|00|01|%|%Q|%',
    ],
  ]
  for (const [seconds, expected] of rows) {
    test(`at ${seconds}`, () => expect(inUtc(FORMAT, seconds)).toBe(expected))
  }

  const FLAGS =
    '%-d|%_d|%-H|%_H|%0e|%-e|%-m|%-j|%_j|%3d|%_5d|%-5d|%06Y|%^a|%^B|%#b|%#p|%#Z|%10A|%012T|%^c|%5p|%-y|%Od|%EY|%+|%-Q|%-'
  /** Recorded from strftime(3) of glibc 2.36 in the C locale, in UTC. */
  for (const [seconds, expected] of [
    [
      1230768000,
      '1| 1|0| 0|01|1|1|1|  1|001|    1|    1|002009|THU|JANUARY|JAN|am|utc|  Thursday|000000:00:00|THU JAN  1 00:00:00 2009|   AM|9|01|2009|%+|%-Q|%-',
    ],
    [
      1293839999,
      '31|31|23|23|31|31|12|365|365|031|   31|   31|002010|FRI|DECEMBER|DEC|pm|utc|    Friday|000023:59:59|FRI DEC 31 23:59:59 2010|   PM|10|31|2010|%+|%-Q|%-',
    ],
  ] as const) {
    test(`with flags and widths at ${seconds}`, () => expect(inUtc(FLAGS, seconds)).toBe(expected))
  }
})
