/*
 * rules.tbl.h - every code of a problem in a lab once:
 * RULE(code, severity, title, why, an example that is right).
 *
 * Sorted by code. A code keeps its meaning for ever; one that goes is not given again.
 */

/* --- lab.yaml and the files of a lab --- */

RULE(D001, ERROR, "the file cannot be read as what it is",
	"YAML is read strictly: UTF-8, one document, no tabs, tags, merge keys or keys that are "
	"there twice, because each of them means different things to different readers. The "
	"same holds for a Dockerfile that labd could not follow.",
	"session:\n"
	"  cpu: 1.0\n"
	"  memory: 256MiB\n")
RULE(D002, ERROR, "a file, a list or a text is over its limit",
	"Limits keep a definition readable for people and cheap for labd: 256 KiB, 16 levels "
	"and 20 000 nodes for a YAML file; a maximum for each list and text. An empty text says "
	"nothing.",
	"title: \"Close the loop: retrain on drift\"\n")
RULE(D003, ERROR, "a key is unknown, or its value has the wrong form",
	"An unknown key is refused, so that a typing error is not a setting that silently does "
	"nothing. Durations are a whole number and s, m, h or d; sizes a whole number and KiB, "
	"MiB or GiB.",
	"minutes: 30\n"
	"session: {cpu: 0.5, memory: 128MiB, expires: 1h}\n")
RULE(D004, ERROR, "a key that must be there is absent",
	"What has no sensible default has to be said: who reads the catalogue wants to know how "
	"long the lab takes, and the machine how much it needs.",
	"level: foundation\n"
	"minutes: 30\n")
RULE(D005, ERROR, "a value is outside its limits",
	"The limits are those within which a session behaves: an idle rule that comes after the "
	"end of the session, for example, would never act.",
	"session:\n"
	"  expires: 2h\n"
	"  idle: {pause_after: 20m, stop_after: 1h}\n")
RULE(D006, ERROR, "an id is malformed, or the slug is not the name of the folder",
	"Ids become names of containers, variables and files on both engines. The slug is what "
	"learners type, so the folder, 'slug' in lab.yaml and 'name' in compose.yaml are the "
	"same word.",
	"# labs/log-triage/lab.yaml\n"
	"slug: log-triage\n")
RULE(D007, ERROR, "a name is there twice",
	"Two things of one name cannot be told apart by those who refer to them.",
	"ports:\n"
	"  - {name: web, service: app, port: 8080}\n"
	"  - {name: metrics, service: app, port: 9100}\n")
RULE(D008, ERROR, "a name refers to something that does not exist",
	"A service, phase, image or parameter that is named has to be defined. An image "
	"lab/NAME is the folder _images/NAME beside the lab.",
	"# compose.yaml has a service 'app'\n"
	"entry: {service: app}\n")
RULE(D009, ERROR, "a file that is named is absent, empty, or cannot be read",
	"The text of the n-th task is tasks/NN-<id>.md; a build needs its Dockerfile, a fill "
	"its folder. Symbolic links are not followed: they could lead out of the lab.",
	"tasks/01-greet.md\n"
	"images/app/Dockerfile\n")
RULE(D010, ERROR, "something needs itself",
	"A phase can only need phases that ran before it, an image cannot stand on itself, and "
	"a lab cannot require itself: nobody could begin.",
	"phases:\n"
	"  - {id: fresh, title: A fresh container, most: 20s}\n"
	"  - {id: rush, title: Many at once, most: 30s, needs: [fresh]}\n")
RULE(D011, ERROR, "the services do not fit into the session",
	"'session.memory' decides whether the machine has room for one more session. If the "
	"services may use more than that together, the machine runs out of memory in the middle "
	"of somebody's work. A one-shot service does not count together with those that wait "
	"for its end.",
	"session: {cpu: 0.5, memory: 192MiB}     # two services with mem_limit: 96m\n")
RULE(D012, ERROR, "two things that do not go together",
	"The text says which. Typical: a port of a service that learners cannot reach, a secret "
	"of the grade for a service that is not hidden, a distinction that is required.",
	"secrets:\n"
	"  control: {for: [world, judge], scope: grade}     # both are hidden\n")
RULE(D013, ERROR, "a secret reaches a service that it is not meant for",
	"What a learner's container holds the learner can read. So a secret goes only to the "
	"services in 'for', to a learner's service only with 'learner: true', and LAB_SEED, "
	"which decides every parameter, never.",
	"secrets:\n"
	"  badge: {for: [app, judge], learner: true}\n")

/* --- compose.yaml --- */

RULE(C001, ERROR, "an unknown key in compose.yaml",
	"compose.yaml is a strict part of the Compose Specification: a key that is not in it "
	"would do something elsewhere and nothing here.",
	"services:\n"
	"  app:\n"
	"    build: {context: images/app}\n"
	"    networks: [front]\n"
	"    cpus: 0.25\n"
	"    mem_limit: 64m\n"
	"    x-lab: {role: learner}\n")
RULE(C002, ERROR, "a value of compose.yaml has the wrong form",
	"Commands are lists, so that no shell guesses where words end; values of variables are "
	"text, so 'true' and numbers stand in quotes; every service names its networks.",
	"command: [serve, \"7000\"]\n"
	"environment: {DEBUG: \"true\"}\n"
	"networks: [front]\n")
RULE(C003, ERROR, "a value of compose.yaml is outside its limits",
	"At most 24 services, 4 networks and 16 volumes, and 8 one-shot services: more than "
	"that is more than one lab.",
	"networks:\n"
	"  front: {}\n")
RULE(C004, ERROR, "a network, volume or service that is named is not declared",
	"Compose would make some of them silently; here a typing error is told.",
	"volumes: {work: {}}\n"
	"services:\n"
	"  app:\n"
	"    volumes: [{type: volume, source: work, target: /srv/work}]\n")
RULE(C005, ERROR, "services wait for each other in a circle",
	"None of them could ever start.",
	"depends_on: {db: {condition: service_healthy}}     # and db depends on nothing\n")
RULE(C006, ERROR, "a condition in depends_on can never become true",
	"'service_healthy' needs a healthcheck that could tell, "
	"'service_completed_successfully' a one-shot service, and what starts with the session "
	"cannot wait for what starts with a check.",
	"seed: {x-lab: {role: hidden, keep_running: false}}\n"
	"app: {depends_on: {seed: {condition: service_completed_successfully}}}\n")
RULE(C007, ERROR, "a service without a limit for CPU or memory",
	"Without limits one learner's loop takes the machine from everybody.",
	"cpus: 0.25\n"
	"mem_limit: 64m\n")
RULE(C010, ERROR, "a mount that is not a named volume",
	"Only named volumes exist on both engines and belong to one session alone. '/lab' is "
	"Labyard's own place in hidden services.",
	"volumes: [{type: volume, source: work, target: /srv/work}]\n")
RULE(C011, ERROR, "a volume would show hidden files to learners",
	"checks/, solution/ and cheats/ never reach a container that a learner can look into.",
	"volumes:\n"
	"  work: {x-lab: {fill: images/app/work}}\n")
RULE(C012, ERROR, "a port of the host",
	"Two sessions of one lab cannot have the same port of the host. 'entry.ports' names "
	"what learners reach, and 'lab port' brings it to their machine.",
	"entry:\n"
	"  service: app\n"
	"  ports: [{name: web, service: app, port: 8080}]\n")
RULE(C013, ERROR, "a capability beyond the standard set",
	"Containers of a lab keep only what installing and serving needs; more opens ways to "
	"the host.",
	"x-lab: {role: learner}     # and no cap_add\n")
RULE(C014, ERROR, "a device of the host",
	"A device belongs to the host and to everybody on it.",
	"x-lab: {role: learner}     # and no devices\n")
RULE(C015, ERROR, "a build context outside images/",
	"What is in a build context can become part of an image, so checks and solutions stay "
	"out of it.",
	"build: {context: images/app}\n")
RULE(C020, ERROR, "a variable that does not exist, or stands where it may not",
	"Only LAB_SEED, LAB_PARAM_* and LAB_SECRET_* are known, in 'command' and 'environment'; "
	"what is drawn at grade does not exist yet when a session starts. A dollar sign itself "
	"is '$$'.",
	"environment:\n"
	"  GREETING: ${LAB_PARAM_GREETING}\n"
	"  PRICE: 5$$\n")
RULE(C021, ERROR, "a key that gives the host away",
	"The text says what it would open. labd holds the engine's socket, and that is as good "
	"as root: so a lab from anybody must be harmless by its form.",
	"network_mode: none     # the only one: no network at all\n")
RULE(C030, ERROR, "a service without a role",
	"The role decides what the learner may do: 'learner' is a shell of their own, 'fixture' "
	"can be reached over the network only, 'hidden' judges and plays the world.",
	"x-lab: {role: fixture}\n")
RULE(C031, ERROR, "a key of x-lab that does not fit the role",
	"Only hidden services start later than the session and have scratch space; a learner's "
	"service is kept running and has no private ports; private ports need a network of "
	"hidden services.",
	"x-lab: {role: hidden, start: check, scratch: 32MiB}\n")
RULE(C032, ERROR, "a throw-away service that is not sealed",
	"With 'start: replay' a service runs what learners made, in a container that is new each "
	"time. So it has no network, no secret and no volume of the session, and nobody waits for "
	"it: a hostile program finds nothing there, and leaves nothing behind.",
	"bench:\n"
	"  image: lab/py-ml:12\n"
	"  command: [sleep, infinity]\n"
	"  user: \"1000:1000\"\n"
	"  network_mode: none\n"
	"  cpus: 0.5\n"
	"  mem_limit: 256m\n"
	"  x-lab: {role: hidden, start: replay}\n")

/* --- tasks and grading --- */

RULE(G001, ERROR, "an unknown key or a wrong value in tasks or grading",
	"As everywhere: a key that nobody reads would be a rule that is not applied.",
	"- id: answers\n"
	"  vantage: neighbour\n"
	"  run: [greet/answers.sh]\n"
	"  fail: \"GET /greet/NAME does not answer.\"\n")
RULE(G002, ERROR, "an id of a task, check, hint or phase is malformed or there twice",
	"The names of tasks and checks stand in records and cheats, and must mean one thing.",
	"tasks:\n"
	"  - id: greet\n"
	"    checks:\n"
	"      - id: answers\n")
RULE(G003, ERROR, "an unknown type of check",
	"'program' runs a program below checks/, 'container' looks at the container itself.",
	"type: container\n"
	"with: {started: before_fence}\n")
RULE(G004, ERROR, "a vantage that does not fit the type",
	"The vantage says where a check looks from: programs run 'inside', as a 'neighbour', "
	"on 'frozen' files, or beside a 'replay' of the work; a check of the container itself "
	"looks from 'outside'.",
	"- id: steady\n"
	"  type: container\n"
	"  vantage: outside     # the type's own, so it can be left out\n"
	"  with: {started: before_fence}\n")
RULE(G005, ERROR, "a service that cannot do what a check wants from it",
	"'in' is the service that is judged and runs for the whole session; 'by' the hidden "
	"service in which the program runs. 'grading.by' says it once for all checks. What "
	"learners made runs in services with 'start: replay', and nothing else does.",
	"grading: {by: judge}     # judge: {x-lab: {role: hidden, start: check}}\n")
RULE(G006, ERROR, "a check or phase without its program",
	"'run' names a program below checks/ and its arguments; a replay check may have 'steps' "
	"with a 'run' each instead. Only the type 'container' has none.",
	"run: [greet/answers.sh, --within, \"5\"]     # checks/greet/answers.sh\n")
RULE(G007, ERROR, "'needs' names something unknown, or what needs it",
	"Tasks are named by their id, checks as task/check.",
	"needs: [greet, badge/kept]\n")
RULE(G009, ERROR, "points that nobody can earn",
	"Every task needs a check that carries its points (not 'info', weight above 0); a "
	"distinction says its points itself, because it is no part of the sum.",
	"- {id: greet, points: 40, checks: [...]}\n")
RULE(G010, ERROR, "a check without a text for its failure",
	"The text is the only thing that tells a learner why, when the program says nothing "
	"itself.",
	"fail: \"GET /greet/NAME did not answer with this session's greeting.\"\n")
RULE(G011, ERROR, "a time or mark outside its limits",
	"The phases fit into 'budget', a check's 'eventually' or 'always_for' into its phase, and "
	"an 'inside' check takes at most two minutes: otherwise a grade would end before it had "
	"asked.",
	"grading:\n"
	"  budget: 120s\n"
	"  phases: [{id: rush, title: Many at once, most: 30s}]\n")
RULE(G012, ERROR, "a check that cannot be asked again and again",
	"A check inside the learner's container is asked once: it is feedback, no measurement; "
	"and so is a replay, which is a measurement by itself. And "
	"a check either passes at the first pass ('eventually') or fails at the first failure "
	"('always_for').",
	"vantage: neighbour\n"
	"eventually: 15s\n")
RULE(G013, ERROR, "a check without the files that it is for",
	"Frozen checks and replays read the copies that 'grading.capture' names, unless an "
	"earlier step gives files. These paths lie on volumes: only those can be read from outside "
	"on every engine. What a replay is fed with is of learners' services alone.",
	"grading:\n"
	"  capture: {app: [/srv/app]}     # a volume's target\n")
RULE(G016, ERROR, "a capture list outside its limits",
	"1 to 16 paths per service.",
	"capture: {app: [/srv/app]}\n")
RULE(G017, ERROR, "a hint that cannot be given",
	"A hint has a text, costs at most what its task has, and requires only hints before it.",
	"- {id: nudge, cost: 0%, text: \"The name is the first argument.\"}\n"
	"- {id: pointer, cost: 10%, requires: [nudge], text: \"printf prints it.\"}\n")
RULE(G019, ERROR, "a parameter that is not declared, or that nobody uses",
	"A program that reads a parameter nobody draws gets an empty word; a parameter that "
	"nobody reads makes learners believe that it matters.",
	"params: {greeting: {pick: [Hello, Ciao]}}     # $LAB_PARAM_GREETING in a check\n")
RULE(G030, ERROR, "in an exam, points on what a learner could forge",
	"Who is root in the container can forge every program that runs inside it, its exit "
	"status included, and so can a learner's work that runs beside the last program of a "
	"replay. In an exam such a check carries no points.",
	"vantage: neighbour     # or severity: info\n")
RULE(G033, ERROR, "steps that do not fit together",
	"2 to 6 steps of a replay check hand files on: what a step takes an earlier one gives, "
	"each name once, at most 8 files a step. The last one judges: it gives nothing, and its "
	"end is the verdict. A step that 'may_fail' tells the next one how it ended, in "
	"steps.json.",
	"vantage: replay\n"
	"steps:\n"
	"  - {by: judge, run: [fit/fetch.py], gives: [model.bin, rows.csv]}\n"
	"  - {by: bench, run: [fit/predict.py], takes: [model.bin, rows.csv], gives: [out.csv],\n"
	"     may_fail: true}\n"
	"  - {by: judge, run: [fit/compare.py], takes: [out.csv]}\n")

/* --- content --- */

RULE(L002, ERROR, "the lab has no story",
	"README.md is shown before the start and by 'lab catalog --show': what happened, what "
	"is asked.",
	"# The pager that never sleeps\n"
	"\n"
	"It is three in the morning, and ...\n")
RULE(L010, ERROR, "a program that cannot be run",
	"It is streamed into a container as it is: without a shebang in its first line nobody "
	"knows what runs it, and without the executable bit nobody meant it to run.",
	"#!/bin/sh\n"
	"# (and: chmod +x checks/greet/answers.sh)\n")
RULE(L011, WARNING, "a check ends by itself at the first command that fails",
	"With 'set -e' or pipefail a grep that finds nothing ends the script before it has said "
	"what is wrong: the learner sees a failure without a reason.",
	"grep -q ready out || { echo \"FAIL: the log does not say 'ready'\"; exit 1; }\n")
RULE(L012, ERROR, "a check or solution is found where learners can read it",
	"A program of checks/, or a file of solution/ or cheats/, is also in an image or a "
	"volume of a learner's service. Data that learners begin with may be in checks/, too.",
	"images/app/work/example.sh     # written for learners, not copied from checks/\n")
RULE(L014, WARNING, "a text for a failure that does not help",
	"20 to 200 characters say what was seen, and what was expected; they never blame.",
	"fail: \"GET /visits/NAME does not count every visit while many come at once.\"\n")
RULE(L015, WARNING, "a check reads what somebody typed",
	"The history of a shell says what was tried, not what is there. Every correct way "
	"counts.",
	"[ -x /srv/app/greet ] || { echo \"FAIL: /srv/app/greet is not executable\"; exit 1; }\n")
RULE(L016, WARNING, "a check waits by itself",
	"Whoever waits in a loop holds the grade up when the answer is there already, and runs "
	"out of time when it is not. 'eventually' asks again and again and stops at the first "
	"pass.",
	"run: [visits/counts.sh]\n"
	"eventually: 15s\n")
RULE(L017, WARNING, "a network command without a limit of its own",
	"A service that accepts and never answers would use up the time of the check, and the "
	"learner would read 'timeout' instead of what is wrong.",
	"curl -m 5 -fsS http://app:8080/health || { echo \"FAIL: no answer in 5 s\"; exit 1; }\n")
RULE(L018, WARNING, "a quick check changes the session",
	"'lab check' may be asked as often as somebody likes, and must leave everything as it "
	"is. Stimuli belong into phases of the grade.",
	"[ -f /srv/app/report ]     # look, do not touch\n")
RULE(L019, WARNING, "the status of a check is hidden",
	"A last line that is always true lets everybody pass.",
	"if [ \"$got\" = \"$wanted\" ]; then exit 0; fi\n"
	"echo \"FAIL: the answer was '$got'\"\n"
	"exit 1\n")
RULE(L020, WARNING, "numbers or JSON are compared as text",
	"1.0, 1.00 and 1 are one number, and members of JSON have no order: compare what is "
	"meant, so that every correct answer passes.",
	"jq -e '.ready == true and .rows >= 300' answer.json >/dev/null\n")
RULE(L021, WARNING, "a check stands on what another check left behind",
	"Both use the same file of $LAB_SCRATCH. Asked alone, or in another order, the second "
	"one judges something else. Say the order with 'needs', or let a phase write the file.",
	"- {id: counts, needs: [visits/rush], ...}\n")
RULE(L022, WARNING, "points on what a learner could forge",
	"Who is root in the container can forge a program that runs inside it, and a learner's "
	"work one that runs beside it in a replay. Give points to what is seen from outside or "
	"judged by another step, and let such a check be feedback.",
	"- {id: script, vantage: inside, severity: info, ...}\n"
	"- {id: answers, vantage: neighbour, ...}\n")
RULE(L023, WARNING, "one check carries more than half of all points",
	"Then it decides alone who passes, and one unlucky moment decides with it.",
	"- {id: answers, weight: 1, ...}\n"
	"- {id: survives, weight: 1, ...}\n")
RULE(L030, ERROR, "an image without a fixed tag",
	"Without a tag, or with 'latest', the image changes under the lab.",
	"FROM debian:12-slim\n")
RULE(L031, ERROR, "something is downloaded without saying which",
	"What comes from a moving branch or an unchecked URL is another thing tomorrow, and "
	"whoever owns the address owns the image.",
	"RUN pip install --no-cache-dir --require-hashes -r requirements.lock\n"
	"RUN curl -fsSLO https://example.org/x.tgz && echo \"<sha256>  x.tgz\" | sha256sum -c\n"
	"RUN git clone https://example.org/x && git -C x checkout <commit, 40 digits>\n")
RULE(L032, WARNING, "lab.lock is of another set of images",
	"A lock that does not name what the lab stands on cannot tell when that moves.",
	"lab pack --lock labs/log-triage\n")
RULE(L033, WARNING, "packages are installed when the session starts",
	"It is slow for every learner, breaks without internet, and differs from day to day. It "
	"belongs into the image.",
	"# images/app/Dockerfile\n"
	"RUN apt-get update && \\\n"
	"    apt-get install -y --no-install-recommends jq && \\\n"
	"    rm -rf /var/lib/apt/lists/*\n")
RULE(L034, ERROR, "a service may use more CPU than the session",
	"'session.cpu' decides whether the machine has room; one service alone must fit into "
	"it.",
	"session: {cpu: 0.5}     # the largest 'cpus' is 0.5 or less\n")
RULE(L035, WARNING, "a service that is judged cannot say that it is ready",
	"Without a healthcheck the lab counts as ready when its containers run, and a check "
	"comes before the service listens.",
	"healthcheck: {test: [CMD, curl, -fsS, \"http://127.0.0.1:8080/health\"], interval: 1s}\n")
RULE(L037, ERROR, "a secret in clear text",
	"What is in git is known. 'secrets' draws a value for each session; a key that a lab "
	"needs is made by a one-shot service.",
	"environment:\n"
	"  DB_PASSWORD: ${LAB_SECRET_DB}\n")
RULE(L038, WARNING, "ports and texts do not agree",
	"A port that no text mentions is found by nobody; an address of the learner's machine "
	"in a text works only for a port that 'entry.ports' names.",
	"The page is at http://127.0.0.1:8080 after `lab port web`.\n")
RULE(L040, ERROR, "a task with points has no reference solution",
	"Without solution/<task>.sh nobody knows whether the task can be solved, and 'lab test' "
	"proves nothing.",
	"solution/greet.sh\n")
RULE(L041, EXAM, "no cheat tries a check",
	"Every shortcut you can think of is a file that must fail; a check that nobody tried to "
	"fool can be fooled.",
	"#!/bin/sh\n"
	"# cheat: greet/answers\n"
	"# Answers the example of the task text to everybody.\n")
RULE(L043, WARNING, "the task text shows the solution",
	"A block of the text stands in the solution as it is: copying it would be all the work.",
	"The program gets the name as its first argument and prints one line.\n")
RULE(L044, ERROR, "a cheat that cannot be judged",
	"The second line names the check that has to refuse it, '# after:' the tasks that are "
	"solved before.",
	"#!/bin/sh\n"
	"# cheat: visits/counts\n"
	"# One counter for everybody.\n"
	"# after: greet\n")
RULE(L050, WARNING, "the hints of a task cost nearly all of it",
	"Who is stuck should still gain something by going on: at least 30 % of the task stay.",
	"- {id: nudge, cost: 0%, text: ...}\n"
	"- {id: pointer, cost: 15%, text: ...}\n")
RULE(L052, WARNING, "a hint says what the failure said already",
	"A hint is paid for; it has to add something.",
	"fail: \"The answer has no greeting.\"\n"
	"text: \"The variable GREETING holds it.\"\n")
RULE(L060, ERROR, "HTML or an image from elsewhere in a text",
	"Texts are shown on terminals and pages, where HTML is removed, and an image from "
	"elsewhere tells its owner who reads. Words such as <name> stand in backquotes.",
	"Ask for `/greet/<name>`.\n")
RULE(L061, WARNING, "a text that is not well formed",
	"A link leads to a file of the lab that is there; headings go down one level at a time; "
	"a block of code says its language.",
	"```sh\n"
	"lab check\n"
	"```\n")
RULE(L070, ERROR, "a file that does not survive everywhere",
	"Blanks and control characters, names that differ only in case, links, and files above "
	"16 MiB break on some file system, in some shell, or in git.",
	"tasks/01-first-steps.md\n")
RULE(L071, WARNING, "a script has line ends CR LF",
	"The kernel looks for an interpreter named '/bin/sh\\r'.",
	"# .gitattributes\n"
	"* text=auto eol=lf\n")
RULE(L080, WARNING, "an idle rule that never acts",
	"After 'expires' the session is gone, so a later 'stop_after' promises something else "
	"than what happens.",
	"session: {expires: 2h, idle: {stop_after: 1h}}\n")
RULE(L091, WARNING, "the points do not add up to 100",
	"Learners read points as per cent. Distinctions are apart from the sum.",
	"- {id: greet, points: 60, ...}\n"
	"- {id: badge, points: 40, ...}\n")
RULE(L092, WARNING, "points for nothing having happened",
	"'The container was not restarted' is also true of a lab that nobody touched. Such a "
	"check needs one that shows work, and a task needs one of its own.",
	"- id: steady\n"
	"  type: container\n"
	"  with: {started: before_fence}\n"
	"  needs: [visits/counts]\n")
RULE(L093, WARNING, "the services want much more CPU than the session has",
	"More than twice 'session.cpu' together: when all of them work, the lab is slower than "
	"its author has seen.",
	"session: {cpu: 2.0}     # 'cpus' of all services together: at most 4\n")
RULE(L094, WARNING, "a task is affected by more than two others",
	"'affected_by' admits that tasks are coupled; with so many the proof says little about "
	"any.",
	"affected_by: [settle]\n")
RULE(L095, WARNING, "too many false failures are expected",
	"'flake' is the chance that a correct solution fails a check; all together should stay "
	"below one in a thousand grades.",
	"flake: 0.0002\n")
