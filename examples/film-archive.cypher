// A film archive that does not exist, in the form in which tutorials write graphs down: one statement of many CREATE
// clauses, whose variables name nodes for the clauses below. Then questions.
//
//     weft query --graph archive < examples/film-archive.cypher

CREATE (Lantern:Movie {title:'The Far Lantern', released:1971, tagline:'Some trains only run by night'})
CREATE (Milena:Person {name:'Milena Horvat', born:1938})
CREATE (Tor:Person {name:'Tor Skarbakk', born:1931})
CREATE (Ilse:Person {name:'Ilse Niederglimm', born:1944})
CREATE (Otto:Person {name:'Otto Brenn', born:1920})
CREATE
  (Milena)-[:ACTED_IN {roles:['The Conductor']}]->(Lantern),
  (Tor)-[:ACTED_IN {roles:['Passenger', 'Ghost of a passenger']}]->(Lantern),
  (Otto)-[:DIRECTED]->(Lantern),
  (Otto)-[:WROTE]->(Lantern),
  (Ilse)-[:PRODUCED]->(Lantern)

CREATE (Return:Movie {title:'Return of the Lantern', released:1974, tagline:"It's late again"})
CREATE (Petra:Person {name:"Petra O'Hara", born:1950})
CREATE
  (Milena)-[:ACTED_IN {roles:['The Conductor']}]->(Return),
  (Petra)-[:ACTED_IN {roles:['The Stowaway']}]->(Return),
  (Otto)-[:DIRECTED]->(Return)

CREATE (Tunnel:Movie {title:'Nine Kilometres of Tunnel', released:1983})
CREATE (Anton:Person {name:'Anton Velić', born:1957})
CREATE
  (Petra)-[:ACTED_IN {roles:['Signalwoman']}]->(Tunnel),
  (Anton)-[:ACTED_IN {roles:['Driver']}]->(Tunnel),
  (Petra)-[:DIRECTED]->(Tunnel)

CREATE (Harbour:Movie {title:'Harbour Lights', released:1990, tagline:'Where the track ends'})
CREATE (Noor:Person {name:'Noor Asterini'})
CREATE
  (Anton)-[:ACTED_IN {roles:['Ferryman']}]->(Harbour),
  (Noor)-[:ACTED_IN {roles:['Aster']}]->(Harbour),
  (Noor)-[:WROTE]->(Harbour),
  (Petra)-[:DIRECTED]->(Harbour)

CREATE (Critic:Person {name:'A. Critic'})
CREATE (Reader:Person {name:'A. Reader'})
CREATE (Reader)-[:FOLLOWS]->(Critic)
CREATE
  (Critic)-[:REVIEWED {summary:'Slow; beautiful; slow', rating:85}]->(Lantern),
  (Critic)-[:REVIEWED {summary:'Nine kilometres too many', rating:40}]->(Tunnel),
  (Reader)-[:REVIEWED {summary:'I saw it twice', rating:95}]->(Harbour)

WITH Milena AS a
MATCH (a)-[:ACTED_IN]->(m)<-[:DIRECTED]-(d) RETURN a, m, d LIMIT 10;

CREATE INDEX person_name IF NOT EXISTS FOR (p:Person) ON (p.name);

// Find
MATCH (petra:Person {name: "Petra O'Hara"}) RETURN petra.born AS born;
MATCH (m:Movie) WHERE m.released >= 1974 AND m.released < 1990 RETURN m.title AS title ORDER BY title;

// Query
MATCH (petra:Person {name: "Petra O'Hara"})-[:ACTED_IN]->(m)<-[:ACTED_IN]-(coActor) RETURN DISTINCT coActor.name AS name ORDER BY name;
MATCH (people:Person)-[relatedTo]-(:Movie {title: 'The Far Lantern'})
RETURN people.name AS name, type(relatedTo) AS how, relatedTo.roles AS roles ORDER BY name, how;

// How far is it from Noor to Milena, and who is within three steps of her?
MATCH p = shortestPath((noor:Person {name: 'Noor Asterini'})-[*]-(milena:Person {name: 'Milena Horvat'})) RETURN length(p) AS steps;
MATCH (noor:Person {name: 'Noor Asterini'})-[*1..3]-(near:Person) WHERE near <> noor RETURN DISTINCT near.name AS name ORDER BY name;

// Recommend: whom could Milena work with, whom her colleagues know?
MATCH (a:Person {name: 'Milena Horvat'})-[:ACTED_IN]->(m)<-[:ACTED_IN]-(coActors),
      (coActors)-[:ACTED_IN]->(m2)<-[:ACTED_IN]-(coCoActors)
WHERE NOT (a)-[:ACTED_IN]->()<-[:ACTED_IN]-(coCoActors) AND a <> coCoActors
RETURN coCoActors.name AS recommended, count(*) AS strength ORDER BY strength DESC;

MATCH (n) RETURN labels(n)[0] AS label, count(*) AS count ORDER BY label;
MATCH ()-[r]->() RETURN type(r) AS type, count(*) AS count ORDER BY type;
