#!/usr/bin/env node
/**
 * The night trains of a continent that does not exist: stations and tracks, the trains that run on them, who works on
 * board, and what the kitchen car serves. Everything is invented; the tables below are the source, and timetables
 * follow from the minutes of the tracks.
 *
 *     node examples/night-trains.mjs            writes examples/night-trains.ndjson
 *     node examples/night-trains.mjs --check    fails if that file is not what this script writes
 */
import { readFileSync, writeFileSync } from 'node:fs';

/** A floating-point number: JSON has one kind of number, a property graph has two, and 64.0 is not 64. */
class Real {
  constructor(value) {
    this.value = value;
  }
}
const real = (value) => new Real(value);

/** id, name, extra labels, metres above the sea, platforms, opened, map position in km (east, north) */
const STATIONS = [
  ['skarvoy', 'Skarvøy', ['Harbour'], 3, 4, '1889-05-20', [18, 602]],
  ['tyrsund', 'Tyrsund', [], 41, 3, '1891-09-01', [64, 561.5]],
  ['fjellhol', 'Fjellhol', ['Summit'], 1287, 2, '1909-10-11', [101.5, 498]],
  ['isgrind', 'Ísgrind', ['Summit'], 1102, 2, '1911-07-02', [170.25, 540]],
  ['brannvik', 'Brännvik', ['Harbour'], 6, 5, '1876-06-15', [233, 575.75]],
  ['taivalla', 'Taivalla', [], 148, 3, '1902-03-30', [312, 604]],
  ['hamyjarvi', 'Hämyjärvi', [], 131, 2, '1913-12-13', [369.5, 571]],
  ['kolmekuu', 'Kolmekuu', ['Junction'], 96, 6, '1898-08-08', [402, 510.5]],
  ['dunmarrow', 'Dunmarrow', ['Harbour'], 9, 4, '1868-04-04', [12.5, 431]],
  ['caerwyll', 'Caerwyll', [], 212, 3, '1872-11-19', [70, 402]],
  ['lochanfey', 'Lochan Féy', [], 388, 2, '1894-06-21', [88.75, 455]],
  ['lumenau', 'Lumenau', ['Junction'], 174, 12, '1861-01-01', [188, 388]],
  ['niederglimm', 'Niederglimm', [], 431, 3, '1879-05-05', [231.5, 340]],
  ['oberglimm', 'Oberglimm', ['Summit'], 1460, 2, '1906-09-17', [247, 301.25]],
  ['uzlabek', 'Úžlabek', [], 520, 2, '1883-10-28', [298, 372]],
  ['mirohora', 'Mírohora', [], 344, 4, '1870-07-14', [341.5, 398]],
  ['zelenava', 'Zelenavá', ['Junction'], 228, 8, '1866-02-11', [384, 421]],
  ['wierzbolin', 'Wierzbolín', [], 117, 5, '1874-08-30', [437, 462]],
  ['cmielarz', 'Ćmielarz', [], 133, 3, '1881-03-12', [486.25, 431]],
  ['gornadol', 'Горнадол', ['Summit'], 894, 2, '1922-05-01', [531, 358]],
  ['tsukimori', '月森', [], 67, 4, '1927-11-03', [598, 371.5]],
  ['pontalva', 'Pontalva', ['Junction'], 82, 9, '1864-06-06', [212, 214]],
  ['serracava', 'Serracava', [], 655, 2, '1897-04-25', [268, 176.5]],
  ['monteluce', 'Montelùce', [], 301, 3, '1888-12-08', [322, 141]],
  ['valdombra', 'Valdombra', ['Harbour'], 2, 6, '1859-09-09', [157.5, 150]],
  ['asterini', 'Αστερινή', ['Harbour'], 5, 5, '1931-08-15', [409, 96]],
];

/** from, to, km, minutes, metres of the longest tunnel (0: none) */
const TRACKS = [
  ['skarvoy', 'tyrsund', 64, 58, 0],
  ['tyrsund', 'fjellhol', 81.4, 96, 5311],
  ['fjellhol', 'lochanfey', 52.7, 61, 980],
  ['fjellhol', 'isgrind', 88.2, 94, 2140],
  ['isgrind', 'brannvik', 79.9, 73, 0],
  ['brannvik', 'taivalla', 96, 77, 0],
  ['taivalla', 'hamyjarvi', 71.3, 55, 0],
  ['hamyjarvi', 'kolmekuu', 73.8, 52, 0],
  ['lochanfey', 'caerwyll', 60.5, 66, 0],
  ['dunmarrow', 'caerwyll', 68.1, 57, 410],
  ['caerwyll', 'lumenau', 127.6, 88, 0],
  ['brannvik', 'lumenau', 204.3, 141, 1275],
  ['lumenau', 'niederglimm', 69.4, 49, 0],
  ['niederglimm', 'oberglimm', 58.8, 83, 8702],
  ['oberglimm', 'pontalva', 104.9, 112, 15020],
  ['niederglimm', 'uzlabek', 77, 64, 1890],
  ['uzlabek', 'mirohora', 53.2, 46, 0],
  ['mirohora', 'zelenava', 50.6, 37, 0],
  ['lumenau', 'zelenava', 211, 118, 0],
  ['zelenava', 'wierzbolin', 71.9, 48, 0],
  ['kolmekuu', 'wierzbolin', 62.5, 44, 0],
  ['wierzbolin', 'cmielarz', 60.1, 43, 0],
  ['cmielarz', 'gornadol', 93.7, 101, 6420],
  ['gornadol', 'tsukimori', 74.2, 69, 720],
  ['zelenava', 'gornadol', 171.5, 133, 3005],
  ['pontalva', 'valdombra', 87.3, 60, 0],
  ['pontalva', 'serracava', 70, 71, 2260],
  ['serracava', 'monteluce', 66.8, 63, 1130],
  ['monteluce', 'asterini', 101.2, 84, 0],
  ['valdombra', 'monteluce', 172.4, 125, 0],
];

/** id, name, first night, nights of the week, berths, top speed in km/h, departure, stations in the order of the run */
const TRAINS = [
  [
    'nt2',
    'Polar Owl',
    '1958-10-01',
    ['Mon', 'Wed', 'Fri', 'Sun'],
    212,
    140,
    '19:40',
    ['skarvoy', 'tyrsund', 'fjellhol', 'isgrind', 'brannvik', 'lumenau'],
  ],
  [
    'nt5',
    'Amber Line',
    '1972-04-15',
    ['Tue', 'Thu', 'Sat'],
    168,
    160,
    '20:15',
    ['brannvik', 'taivalla', 'hamyjarvi', 'kolmekuu', 'wierzbolin', 'zelenava'],
  ],
  [
    'nt7',
    'Moonrake',
    '1966-06-21',
    ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'],
    260,
    160,
    '21:05',
    ['dunmarrow', 'caerwyll', 'lumenau', 'zelenava', 'gornadol', 'tsukimori'],
  ],
  [
    'nt11',
    'Glimmer',
    '1983-12-03',
    ['Fri', 'Sat', 'Sun'],
    144,
    120,
    '22:10',
    ['lumenau', 'niederglimm', 'oberglimm', 'pontalva', 'valdombra'],
  ],
  [
    'nt14',
    'Südwind',
    '1991-05-26',
    ['Mon', 'Wed', 'Fri'],
    188,
    140,
    '18:55',
    ['zelenava', 'mirohora', 'uzlabek', 'niederglimm', 'oberglimm', 'pontalva', 'serracava', 'monteluce', 'asterini'],
  ],
  [
    'nt18',
    'Čarodějka',
    '2004-09-30',
    ['Thu', 'Sun'],
    96,
    120,
    '23:30',
    ['mirohora', 'zelenava', 'wierzbolin', 'cmielarz', 'gornadol'],
  ],
  [
    'nt21',
    'Little Heron',
    '2016-03-20',
    ['Tue', 'Sat'],
    72,
    100,
    '20:50',
    ['skarvoy', 'tyrsund', 'fjellhol', 'lochanfey', 'caerwyll', 'dunmarrow'],
  ],
  [
    'nt30',
    'Far Lantern',
    '2023-11-11',
    ['Wed', 'Sat'],
    120,
    200,
    '17:25',
    ['valdombra', 'pontalva', 'oberglimm', 'niederglimm', 'lumenau', 'zelenava', 'wierzbolin', 'kolmekuu'],
  ],
];
const MINUTES_AT_A_STATION = 6;

/** id, name, born, languages, home, [train, role, since] each */
const PEOPLE = [
  [
    'aino',
    'Aino Räsä',
    1979,
    ['fi', 'sv', 'en'],
    'kolmekuu',
    [
      ['nt5', 'conductor', '2008-02-01'],
      ['nt30', 'conductor', '2023-11-11'],
    ],
  ],
  ['bastien', 'Bastien Lhuê', 1968, ['fr', 'de'], 'pontalva', [['nt14', 'cook', '1996-06-01']]],
  ['chiyo', 'Chiyo 千代', 1994, ['ja', 'en'], 'tsukimori', [['nt7', 'steward', '2019-04-01']]],
  [
    'dragan',
    'Драган Велић',
    1971,
    ['sr', 'ru', 'de'],
    'gornadol',
    [
      ['nt18', 'driver', '2004-09-30'],
      ['nt7', 'driver', '1999-01-15'],
    ],
  ],
  ['eilidh', 'Eilidh MacFey', 1986, ['en', 'gd'], 'lochanfey', [['nt21', 'driver', '2016-03-20']]],
  ['fiorella', 'Fiorella Bassanò', 1990, ['it', 'fr', 'en'], 'monteluce', [['nt14', 'steward', '2014-10-05']]],
  [
    'grete',
    'Grete Ambühl',
    1963,
    ['de'],
    'niederglimm',
    [
      ['nt11', 'conductor', '1988-05-01'],
      ['nt30', 'conductor', '2023-11-11'],
    ],
  ],
  [
    'hallvard',
    'Hallvard Øye',
    1982,
    ['no', 'en'],
    'skarvoy',
    [
      ['nt2', 'driver', '2007-08-20'],
      ['nt21', 'driver', '2016-03-20'],
    ],
  ],
  ['ilse', 'Ilse Dąbrowa', 1999, ['pl', 'de', 'en'], 'wierzbolin', [['nt30', 'cook', '2023-11-11']]],
  ['jonah', 'Jonah Pell', 1975, ['en'], 'dunmarrow', [['nt7', 'cook', '2001-09-09']]],
  ['katerina', 'Κατερίνα Ήμερη', 1988, ['el', 'it', 'en'], 'asterini', [['nt14', 'conductor', '2012-05-05']]],
  ['liv', 'Liv Ísgrind', 2001, ['no', 'sv', 'en'], 'isgrind', [['nt2', 'steward', '2022-06-12']]],
  ['marek', 'Marek Čáp', 1984, ['cs', 'pl', 'de'], 'mirohora', [['nt18', 'conductor', '2010-01-04']]],
  [
    'nadia',
    'Nadia Solheim',
    1977,
    ['no', 'ar', 'fr'],
    'brannvik',
    [
      ['nt2', 'cook', '2003-03-03'],
      ['nt5', 'cook', '2009-03-03'],
    ],
  ],
  ['oskar', 'Oskar Lund', 1959, ['sv', 'de'], 'brannvik', [['nt2', 'conductor', '1981-07-01']]],
  [
    'petra',
    'Petra Úžlabková',
    1992,
    ['cs', 'de', 'it'],
    'uzlabek',
    [
      ['nt14', 'driver', '2018-02-28'],
      ['nt18', 'steward', '2015-02-28'],
    ],
  ],
  [
    'quirin',
    'Quirin Stahl',
    1966,
    ['de', 'it'],
    'oberglimm',
    [
      ['nt11', 'driver', '1990-11-30'],
      ['nt30', 'driver', '2023-11-11'],
    ],
  ],
  [
    'rhian',
    'Rhian Caerwyll',
    1996,
    ['cy', 'en'],
    'caerwyll',
    [
      ['nt21', 'steward', '2020-05-17'],
      ['nt7', 'steward', '2018-05-17'],
    ],
  ],
  ['sanna', 'Sanna Hämy', 1973, ['fi', 'en'], 'hamyjarvi', [['nt5', 'driver', '1998-04-18']]],
  ['tomaso', 'Tomaso Riva', 1981, ['it', 'en'], 'valdombra', [['nt11', 'cook', '2006-06-30']]],
  ['uwe', 'Uwe Kranich', 1955, ['de'], 'lumenau', []],
];

/** one, other, year in which they met */
const ACQUAINTANCES = [
  ['aino', 'sanna', 1998],
  ['aino', 'nadia', 2009],
  ['aino', 'ilse', 2023],
  ['bastien', 'fiorella', 2014],
  ['bastien', 'tomaso', 2011],
  ['chiyo', 'rhian', 2019],
  ['chiyo', 'jonah', 2019],
  ['dragan', 'marek', 2010],
  ['dragan', 'jonah', 2001],
  ['eilidh', 'hallvard', 2016],
  ['eilidh', 'rhian', 2020],
  ['fiorella', 'katerina', 2014],
  ['grete', 'quirin', 1990],
  ['grete', 'uwe', 1988],
  ['hallvard', 'liv', 2022],
  ['hallvard', 'oskar', 2007],
  ['ilse', 'quirin', 2023],
  ['katerina', 'petra', 2018],
  ['marek', 'petra', 2015],
  ['nadia', 'oskar', 2003],
  ['oskar', 'uwe', 1984],
  ['quirin', 'tomaso', 2006],
  ['rhian', 'jonah', 2018],
  ['sanna', 'nadia', 2009],
];

/** id, name, vegetarian, of which trains with the price in crowns */
const DISHES = [
  [
    'leek-soup',
    'Leek soup with rye',
    true,
    [
      ['nt2', 6.5],
      ['nt21', 6],
      ['nt7', 7.25],
    ],
  ],
  [
    'lohikeitto',
    'Lohikeitto',
    false,
    [
      ['nt5', 9.8],
      ['nt2', 10.5],
    ],
  ],
  [
    'kase-spatzle',
    'Käsespätzle',
    true,
    [
      ['nt11', 11],
      ['nt14', 11.5],
      ['nt30', 12],
    ],
  ],
  [
    'pierogi',
    'Pierogi ruskie',
    true,
    [
      ['nt30', 9],
      ['nt18', 7.5],
      ['nt5', 8.25],
    ],
  ],
  [
    'svickova',
    'Svíčková',
    false,
    [
      ['nt18', 10],
      ['nt14', 12.75],
    ],
  ],
  ['onigiri', 'おにぎり', true, [['nt7', 4]]],
  [
    'farinata',
    'Farinata',
    true,
    [
      ['nt11', 5.5],
      ['nt14', 6],
      ['nt30', 6.25],
    ],
  ],
  ['spanakopita', 'Σπανακόπιτα', true, [['nt14', 6.75]]],
  [
    'ajvar-toast',
    'Ајвар on toast',
    true,
    [
      ['nt18', 4.5],
      ['nt7', 5],
    ],
  ],
  [
    'night-coffee',
    'Night coffee',
    true,
    [
      ['nt2', 3],
      ['nt5', 3],
      ['nt7', 3.2],
      ['nt11', 3],
      ['nt14', 2.8],
      ['nt18', 2.5],
      ['nt21', 3],
      ['nt30', 3.5],
    ],
  ],
];

function elements() {
  const nodes = [];
  const edges = [];
  const node = (id, labels, properties) => nodes.push({ type: 'node', id, labels, properties });
  const edge = (start, label, end, properties) =>
    edges.push({
      type: 'relationship',
      id: `${start}-${label.toLowerCase()}-${end}`,
      label,
      properties,
      start: { id: start },
      end: { id: end },
    });

  for (const [id, name, labels, elevationM, platforms, opened, position] of STATIONS) {
    node(id, ['Station', ...labels], { name, elevationM, platforms, opened, position: position.map(real) });
  }
  for (const [id, name, since, nights, berths, topSpeedKmh] of TRAINS) {
    node(id, ['Train'], { name, since, nights, berths, topSpeedKmh });
  }
  for (const [id, name, born, languages] of PEOPLE) node(id, ['Person'], { name, born, languages });
  for (const [id, name, vegetarian] of DISHES) node(id, ['Dish'], { name, vegetarian });

  for (const [from, to, km, minutes, tunnelM] of TRACKS) {
    edge(from, 'TRACK', to, { km: real(km), minutes, ...(tunnelM > 0 ? { tunnelM } : {}) });
  }
  for (const [id, , , , , , departure, stations] of TRAINS) {
    timetable(departure, stations).forEach((call, index) => {
      edge(id, 'STOPS_AT', stations[index], { stop: index + 1, ...call });
    });
  }
  for (const [id, , , , home, jobs] of PEOPLE) {
    edge(id, 'LIVES_IN', home, {});
    for (const [train, role, since] of jobs) edge(id, 'WORKS_ON', train, { role, since });
  }
  for (const [one, other, since] of ACQUAINTANCES) edge(one, 'KNOWS', other, { since });
  for (const [dish, , , offers] of DISHES) {
    for (const [train, price] of offers) edge(train, 'SERVES', dish, { price: real(price) });
  }
  return [...nodes, ...edges];
}

/** Arrival and departure at each station of a run; the first has no arrival and the last no departure. */
function timetable(departure, stations) {
  const [hours, minutes] = departure.split(':').map(Number);
  let now = hours * 60 + minutes;
  return stations.map((station, index) => {
    if (index > 0) now += minutesBetween(stations[index - 1], station);
    const arrives = clock(now);
    if (index > 0) now += MINUTES_AT_A_STATION;
    const departs = clock(now);
    if (index === 0) return { departs };
    return index === stations.length - 1 ? { arrives } : { arrives, departs };
  });
}

function minutesBetween(a, b) {
  const track = TRACKS.find(([from, to]) => (from === a && to === b) || (from === b && to === a));
  if (track === undefined) throw new Error(`no track between ${a} and ${b}`);
  return track[3];
}

function clock(minutes) {
  const two = (number) => String(number).padStart(2, '0');
  return `${two(Math.floor(minutes / 60) % 24)}:${two(minutes % 60)}`;
}

function print(value) {
  if (value instanceof Real) return Number.isInteger(value.value) ? `${value.value}.0` : String(value.value);
  if (Array.isArray(value)) return `[${value.map(print).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([key, item]) => `${JSON.stringify(key)}:${print(item)}`)
    .join(',')}}`;
}

const file = new URL('night-trains.ndjson', import.meta.url);
const text = `${elements().map(print).join('\n')}\n`;
if (!process.argv.includes('--check')) writeFileSync(file, text);
else if (readFileSync(file, 'utf8') !== text) {
  console.error('examples/night-trains.ndjson is not what examples/night-trains.mjs writes; run the script');
  process.exitCode = 1;
}
