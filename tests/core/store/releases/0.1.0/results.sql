BEGIN TRANSACTION;
CREATE TABLE actions (
	seq INTEGER NOT NULL, 
	target TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	generation INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_actions PRIMARY KEY (seq)
);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE alert_events (
	seq INTEGER NOT NULL, 
	alert TEXT NOT NULL, 
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	"by" TEXT NOT NULL, 
	why TEXT NOT NULL, 
	until DATETIME, 
	details TEXT NOT NULL, 
	CONSTRAINT pk_alert_events PRIMARY KEY (seq)
);
INSERT INTO "alert_events" VALUES(1,'8037914ea55546ff','delays',1,'opened','2026-01-01 00:00:00.000000','','',NULL,'{"features":["departure_delay"],"mail":"","recipients":[],"silences":[]}');
CREATE TABLE alerts (
	id TEXT NOT NULL, 
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	opened_at DATETIME NOT NULL, 
	over_at DATETIME, 
	since DATETIME NOT NULL, 
	last_end DATETIME NOT NULL, 
	severity TEXT NOT NULL, 
	features TEXT NOT NULL, 
	feature_count BIGINT NOT NULL, 
	mailed_at DATETIME, 
	acknowledged_until DATETIME, 
	acknowledged_by TEXT NOT NULL, 
	acknowledged_why TEXT NOT NULL, 
	held_by TEXT NOT NULL, 
	alert TEXT NOT NULL, 
	CONSTRAINT pk_alerts PRIMARY KEY (id)
);
INSERT INTO "alerts" VALUES('8037914ea55546ff','delays',1,'drift','2026-01-01 00:00:00.000000',NULL,'2026-01-01 00:00:00.000000','2026-01-01 00:01:00.000000','critical','departure_delay',1,NULL,NULL,'','','3, 5','{"acknowledged_by":"","acknowledged_features":[],"acknowledged_until":null,"acknowledged_why":"","features":[{"began":null,"feature":"departure_delay","finding":{"baseline_id":"sha256:0000000000000000000000000000000000000000000000000000000000000000","budget_share":0.08,"detector":"drift","effect":0.31,"effect_unit":"sigma","evidence":{"mean_shift":9.1,"unit":"min"},"feature":"departure_delay","m":24871,"model":"delays","n":600,"origin":"stream","p_relevant":2e-35,"p_value":3e-41,"revision":2,"segment":"","span":["2026-01-01T00:00:00+00:00","2026-01-01T00:01:00+00:00"],"statistic":13.4,"test":"location","threshold":6e-06,"verdict":"drift","version":1,"what":"shifted up"},"since":"2026-01-01T00:00:00+00:00","unbroken_since":"2026-01-01T00:00:00+00:00","windows":1}],"held_back":"","held_by":[3,5],"id":"8037914ea55546ff","is_resolved":false,"known_to":[],"last_end":"2026-01-01T00:01:00+00:00","mail_failed":"","mailed_at":null,"mailed_end":null,"mailed_magnitudes":{},"mailed_severity":null,"missed":{},"model":"delays","opened_at":"2026-01-01T00:00:00+00:00","over_at":null,"paged":[],"severity":"critical","since":"2026-01-01T00:00:00+00:00","to_end":[],"told":[],"told_magnitudes":{},"version":1}');
CREATE TABLE archived (
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	topic TEXT NOT NULL, 
	partition INTEGER NOT NULL, 
	from_offset BIGINT NOT NULL, 
	up_to_offset BIGINT NOT NULL, 
	topic_id TEXT, 
	rows BIGINT NOT NULL, 
	files BIGINT NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_archived PRIMARY KEY (model, version, topic, partition, from_offset)
);
CREATE TABLE arrivals (
	"group" TEXT NOT NULL, 
	minute DATETIME NOT NULL, 
	topic TEXT NOT NULL, 
	partition INTEGER NOT NULL, 
	records BIGINT NOT NULL, 
	CONSTRAINT pk_arrivals PRIMARY KEY ("group", minute, topic, partition)
);
INSERT INTO "arrivals" VALUES('default','2026-01-01 00:00:00.000000','pegel.default.inference',0,1200);
CREATE TABLE attributions (
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	span_start DATETIME NOT NULL, 
	span_end DATETIME NOT NULL, 
	revision INTEGER NOT NULL, 
	rows BIGINT NOT NULL, 
	replayed BIGINT NOT NULL, 
	differing BIGINT NOT NULL, 
	verdict TEXT NOT NULL, 
	identity TEXT NOT NULL, 
	why TEXT NOT NULL, 
	since DATETIME NOT NULL, 
	baseline_id TEXT, 
	summary BLOB NOT NULL, 
	sums TEXT, 
	facts TEXT NOT NULL, 
	features TEXT NOT NULL, 
	spec_fingerprint TEXT NOT NULL, 
	code_version TEXT NOT NULL, 
	emitted_at DATETIME NOT NULL, 
	CONSTRAINT pk_attributions PRIMARY KEY (model, version, span_start, span_end, revision)
);
CREATE TABLE baselines (
	id TEXT NOT NULL, 
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	document BLOB NOT NULL, 
	CONSTRAINT pk_baselines PRIMARY KEY (id)
);
INSERT INTO "baselines" VALUES('sha256:a451d808abece0d4afcadf344745ee8fd722caf5ea92242d43c8ce219dee7f30','delays',1,'2026-01-01 00:00:00.000000',X'789CED58DB8E1BB911FD95855EADD96515EFF31D79338C41912CDA036B2441D204310CFF7B0E5B976610C7790816795977831E9DE6A558ACAA73BABF6FEA617FD1FD65F3FC7D53E4ACBBD7BDBEFC5D4FE7D7C37EF31CB69BAF723CCAE6F9E3A7ED6627DF0EEF4BCFBA3B9CB56D9E37A7D7CF5F2E9BEDA6AB5CDE4F7A46473C3D9C4EBA93CBE8D16577D6EDA6E9FEAC9BE7CBE97DFC783DD7935EF4F154DBE765E8E6C9FC837EEF968D339E3A679B8F1F08D32FB83335A88F3550EE69C2B564535593E49ACCF183B9E3D9C754A2B33DD696263C666F4A8AA17653E6FEC198E66CF1B9441B26DCE5C646B3B185DD3C8FD53ECC74AC1C75C23969F29D522BD8C1845337A4DEA7968DD284E397A4527B4F26CDFD0DECCE444998795EB7254356438A3E14393E3DFC50AA4DB03F45B6B64F782EB5754BAEDB66EA84A7CE6CE14B23F0DC84C72A45612B87283AE12125D78BE9621CFCB6E2DEB742A579A14A737FDBA93597D9740C9B700E2158E1905AEA6EC2C97891CE3EE792FC84778E94A27AE71010C7277EF8C19500EF779268FC84678BF388C17B6B7C9DF010C429D5CCEA629970177311A32CA1B930E12C4285A8FA10284E381CD325178CF18926BC5A05D4538A44F9F8641F7EF608DAE69B8E6099708769AB2576ADD432E126DAC61A5ACF6AD284232ABD54AFA9F680F3750FFF34CBD604ADAE25F8DF3FEC89DD154B3D923AD819812FE6D7D830558AA50773EDBE9C16CE4FBCD7E67BAFD7D997DEC5A4CA8553EB52AFC62CB6F496AA4F05E75BFA0AC3601F546361420A3D60AAD626F1C57924D7D5634BE098D6825017CE4A2B8C9D7B26646349D9AD708E069B44CC6A93B8C2AD070E2DE244620F2B6C4A40FEF516AA71F61A4CCB99FA9034B66E7A1D06DE6167246AABBE22D7CD0AE37CC99376EDFD9E09CBE6854CE316B8D8304D32125560A20B8B07EF3022C5D88A1AD572CF2B5CE070E196AC0F719AA4216C6BA8317270D324868C156383684DF65A0B16C75A53730B31269CCF0A5BF47464A5864E3AC125268B4D26F24D56D855479ED5482B71827DE3CCE2338A5EE2158E79848265AA5DA7B9110908AA6C7B153B4DD2728D929C244672AF7030455DF32E68E1A5C4835D3E9F0EEFC7C102667BBFE876F1EDB2B7CBDD2E7FBBC2ED8AB72BDDAE7CBBC84C374D374FB79D6E37DD7EBE070B0ECA7BB9C8EBEE7C27B433186F21B0278EECB64FEC42446BD86F9F28668B3630107239A0B599476B082D12052D598C221380E48C8ED9A249713494B74F31A0531C3D43C09401A63CF9B1841F4FE1783416636DC24FEBF0D41A2C81528A860DA64EB4AC8B99D3183A902DD33660DF66EC17FB4C61CB3098B18235716B3D6D6DF65B67C3161572EBF1CC63A5308685B48D044F47B34D1CB620866DC6B2840C45138797C7940C67901DCE0551C27BC3E5C1A14BC26036589D3D615938EDD38FEDFF2C1C945B5684274A5B8D9340E8864B4DBD7942704E445A4D449589A9AB69339E396710546E155565160E60AEEE6D4CCD8EF91FB80FBE8B80253A6867160EB6B3649F6B4DA5CCC2215268A990AD39CFC281A467707AAC2505370B01E9A5582BD00961160E8B6260A9594C9D09BC755087AF12ABF33321430C211AB263496D26D894A43A45EA6ABF17C52B614A291D051ED5C1D24CF81055454226CD9E27DCB945B949955AE7FE96221C5D1B0A4C98EDA1AA157B469DF7FF221C40DB609714A1C5629C708D1DD2C6936470E044BC0547CE5002460DB5094F28D350676954C299F0034C414DA7A14B66E1003561B0D9A68C0C9B70CB1E4A8E21ADBC9F091FCC08AA460136D057B33009BD50EB9A6C3661227094D2DE6D82861DC270C559857BCDC173B5B340284ACDAB40B678C4C34AF860BA84706891D58789F0D927A81B109E88C3B9847BB1B5884E78A641E7C0CC7483858986F6739CBC5D7540829CC29610699169D501383AC89E5AAA22D257D8D90A124F45209169257CB03AC28F732F31F3240F20363DEC8610CD66852198711ACA0A5131E9006F5D51EB91D33DB6591E508ED06B4E0B58EC01C7D23232C7330270D218C510844AE85A3BF1A41A245AE74A4A4A665AD2B4C2789330A59999C2A9E3C04256509B8F2B0C4D0DB14341B8529F54037C1D4B86954D68520DB0A48BB76A0D5E2356D590A90802CB74366585254118C6A83D24E72679009D1AA1C17B0D8157B82353459076E0073FA90629C1301C8E23CA2BFB326ABCED8E46C24CAA812BFB6A6383FC0E7ED2016C2CB728103631CE145E51CB876B439B744004F340A444D38C6F2B9CA345A52A506A49A64994D46841298C9AA7DE6CD328391DDE6DEE5AC8AF752A5A7510D1D864FF4B35FCA51AA01AE0DAAF7ABCCC1F28D6CF177EBB39CAEB69C889F1F85CBFE89B2C9F28BEBEEEC7E78BFDFB9B9E5E2BE26B2F6F90159B3E42F074D82D7F5FBF690078DFBF6285FDFB6E3754CA7F1C4BFF652C34CEE6EDD074870E68E5DB790C3EBC0E81F37D889BE3DDF0EF3FAE969FAF869FF488F9F003298D6DA89C0FFBF3DDA00DB6BC7BD5D30DC0403DF5C3E94DF655EFD0593FBFE97ECC3044D6EEFD6D7F9BB91EDEAFF00F4C747E7F7B93D3B7A593EE76D7AC4A8F2BFEF2AF3FEBF9C8E8FFBB0D8BA7DE0E0F1F96C3E5CBCB17A4F4D58B9FE5F8F03E4E0F67743C1DDA7BBDDCBC0CC72E7FFDB8397C39AC8F1FBD598B96198BFC1BF26904CC6DD58F1FAFA5DE99F5DFF1437A8897087D48503B1919BB12348A7633ECD806BC144EDD5D4F9C96EF243CCAF75D2B442840256EA8303A24B4418DFDF5BA2024888014449675EF5F199AED79A80EAB20A66BF78549A126C92607CA6BF5F8E16E65885057DEF84839F9EBB2D8FAFE650D6D337E2E15B35D1D8CEC40392D3BBDE788ECAFEF023FF98A98560EF9C99BE74FDE1EC2AF48E7D33D055F6E59B224CFA3E8D038E5938EB7981741EA6F50D1C39321DC7F33E679B93F2C2D56781D95E4FC45D88767C83C6A50F452B4E28DC409DEA5212C9D8B90F18AF797C85CA543116694486EC3ED5599725328633BA65B4BE19B347D29C8659483CFBAFBCDFC8EA35ACB0DFEBFFC26E7B39EC7775C6CE8F07E1AE562B33B54D93DFFF1C7AD3EFDF827CD679B95');
CREATE TABLE claims (
	"group" TEXT NOT NULL, 
	generation INTEGER NOT NULL, 
	token TEXT NOT NULL, 
	unfinished_reads INTEGER NOT NULL, 
	claimed_at DATETIME NOT NULL, 
	committed_at DATETIME, 
	last_commit TEXT, 
	CONSTRAINT pk_claims PRIMARY KEY ("group")
);
INSERT INTO "claims" VALUES('default',1,'56d94bf93d6c55c525f23d4c15c6a9ea',1,'2026-01-01 00:00:00.000000','2026-01-01 00:00:00.000000',NULL);
CREATE TABLE concept_charts (
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	segment TEXT NOT NULL, 
	chart TEXT NOT NULL, 
	state TEXT NOT NULL, 
	baseline_id TEXT NOT NULL, 
	up_to DATETIME NOT NULL, 
	aside TEXT, 
	CONSTRAINT pk_concept_charts PRIMARY KEY (model, version, segment, chart)
);
CREATE TABLE counters (
	name TEXT NOT NULL, 
	value BIGINT NOT NULL, 
	CONSTRAINT pk_counters PRIMARY KEY (name)
);
INSERT INTO "counters" VALUES('registry',2);
CREATE TABLE current_baselines (
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	baseline_id TEXT NOT NULL, 
	CONSTRAINT pk_current_baselines PRIMARY KEY (model, version)
);
INSERT INTO "current_baselines" VALUES('delays',1,'sha256:a451d808abece0d4afcadf344745ee8fd722caf5ea92242d43c8ce219dee7f30');
CREATE TABLE digests (
	address TEXT NOT NULL, 
	every TEXT NOT NULL, 
	until DATETIME NOT NULL, 
	CONSTRAINT pk_digests PRIMARY KEY (address, every)
);
CREATE TABLE dispatch_failures (
	seq INTEGER NOT NULL, 
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	reason TEXT NOT NULL, 
	first_at DATETIME NOT NULL, 
	at DATETIME NOT NULL, 
	times BIGINT NOT NULL, 
	CONSTRAINT pk_dispatch_failures PRIMARY KEY (seq)
);
CREATE TABLE erasures (
	seq INTEGER NOT NULL, 
	subject TEXT NOT NULL, 
	"by" TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	removed TEXT NOT NULL, 
	known_by TEXT, 
	CONSTRAINT pk_erasures PRIMARY KEY (seq)
);
CREATE TABLE failures (
	"group" TEXT NOT NULL, 
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	since DATETIME NOT NULL, 
	reason TEXT NOT NULL, 
	windows_lost BIGINT NOT NULL, 
	ended_at DATETIME, 
	CONSTRAINT pk_failures PRIMARY KEY ("group", model, version, since)
);
CREATE TABLE findings (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id TEXT NOT NULL, 
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	segment TEXT NOT NULL, 
	span_start DATETIME NOT NULL, 
	span_end DATETIME NOT NULL, 
	revision INTEGER NOT NULL, 
	origin TEXT NOT NULL, 
	feature TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	rhythm TEXT NOT NULL, 
	detector TEXT NOT NULL, 
	verdict TEXT NOT NULL, 
	test TEXT NOT NULL, 
	what TEXT NOT NULL, 
	statistic DOUBLE, 
	p_value DOUBLE, 
	p_relevant DOUBLE, 
	threshold DOUBLE, 
	budget_share DOUBLE, 
	effect DOUBLE, 
	effect_unit TEXT NOT NULL, 
	n BIGINT NOT NULL, 
	m BIGINT NOT NULL, 
	baseline_id TEXT NOT NULL, 
	finding TEXT NOT NULL, 
	CONSTRAINT uq_findings_id UNIQUE (id)
);
INSERT INTO "findings" VALUES(1,'8037914ea55546ff','delays',1,'','2026-01-01 00:00:00.000000','2026-01-01 00:01:00.000000',2,'stream','departure_delay','drift','window','drift','drift','location','shifted up',13.4,3.0e-41,2.0e-35,6.0e-06,0.08,0.31,'sigma',600,24871,'sha256:0000000000000000000000000000000000000000000000000000000000000000','{"baseline_id":"sha256:0000000000000000000000000000000000000000000000000000000000000000","budget_share":0.08,"detector":"drift","effect":0.31,"effect_unit":"sigma","evidence":{"mean_shift":9.1,"unit":"min"},"feature":"departure_delay","m":24871,"model":"delays","n":600,"origin":"stream","p_relevant":2e-35,"p_value":3e-41,"revision":2,"segment":"","span":["2026-01-01T00:00:00+00:00","2026-01-01T00:01:00+00:00"],"statistic":13.4,"test":"location","threshold":6e-06,"verdict":"drift","version":1,"what":"shifted up"}');
INSERT INTO "findings" VALUES(2,'6eccba4cffdd8762','delays',1,'','2026-01-01 00:00:00.000000','2026-01-01 00:01:00.000000',2,'stream','d�','drift','window','drift','drift','location','shifted up',13.4,3.0e-41,NULL,6.0e-06,0.08,0.31,'sigma',600,24871,'sha256:0000000000000000000000000000000000000000000000000000000000000000','{"baseline_id":"sha256:0000000000000000000000000000000000000000000000000000000000000000","budget_share":0.08,"detector":"drift","effect":0.31,"effect_unit":"sigma","evidence":{"mean_shift":9.1,"unit":"min"},"feature":"d\u0000","m":24871,"model":"delays","n":600,"origin":"stream","p_relevant":null,"p_value":3e-41,"revision":2,"segment":"","span":["2026-01-01T00:00:00+00:00","2026-01-01T00:01:00+00:00"],"statistic":13.4,"test":"location","threshold":6e-06,"verdict":"drift","version":1,"what":"shifted up"}');
CREATE TABLE gaps (
	"group" TEXT NOT NULL, 
	topic TEXT NOT NULL, 
	partition INTEGER NOT NULL, 
	start BIGINT NOT NULL, 
	"end" BIGINT NOT NULL, 
	reason TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_gaps PRIMARY KEY ("group", topic, partition, start)
);
CREATE TABLE health_alerts (
	kind TEXT NOT NULL, 
	about TEXT NOT NULL, 
	"group" TEXT NOT NULL, 
	models TEXT NOT NULL, 
	since DATETIME NOT NULL, 
	severity TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	mailed_at DATETIME, 
	told TEXT NOT NULL, 
	known_to TEXT NOT NULL, 
	missed TEXT NOT NULL, 
	CONSTRAINT pk_health_alerts PRIMARY KEY (kind, about)
);
INSERT INTO "health_alerts" VALUES('behind','default','default','["delays/1","fraud/2"]','2025-12-31 00:00:00.000000','critical','records wait',NULL,'[]','[]','[]');
CREATE TABLE health_events (
	seq INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	about TEXT NOT NULL, 
	models TEXT NOT NULL, 
	event TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	since DATETIME NOT NULL, 
	severity TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	CONSTRAINT pk_health_events PRIMARY KEY (seq)
);
INSERT INTO "health_events" VALUES(1,'behind','default','["delays/1","fraud/2"]','opened','2026-01-01 00:00:00.000000','2025-12-31 00:00:00.000000','critical','records wait');
INSERT INTO "health_events" VALUES(2,'no traffic','default','["delays/1"]','opened','2026-01-01 00:00:00.000000','2025-12-31 00:00:00.000000','critical','records wait');
INSERT INTO "health_events" VALUES(3,'no traffic','default','["delays/1"]','over','2026-01-01 00:00:00.000000','2025-12-31 00:00:00.000000','critical','records wait');
CREATE TABLE heartbeats (
	"group" TEXT NOT NULL, 
	generation INTEGER NOT NULL, 
	fingerprint TEXT NOT NULL, 
	batch_id BIGINT NOT NULL, 
	lag BIGINT NOT NULL, 
	event_time_head DATETIME, 
	at DATETIME NOT NULL, 
	started_at DATETIME NOT NULL, 
	progressed_at DATETIME, 
	pid BIGINT NOT NULL, 
	state TEXT NOT NULL, 
	doing TEXT NOT NULL, 
	missing TEXT NOT NULL, 
	error TEXT, 
	note TEXT NOT NULL, 
	specs TEXT NOT NULL, 
	baselines TEXT NOT NULL, 
	CONSTRAINT pk_heartbeats PRIMARY KEY ("group")
);
INSERT INTO "heartbeats" VALUES('default',1,'3333333333333333333333333333333333333333333333333333333333333333',17,0,'2025-12-31 23:59:59.000000','2026-01-01 00:00:00.000000','2025-12-31 23:55:00.000000','2026-01-01 00:00:00.000000',4711,'running','','',NULL,'','{}','{}');
CREATE TABLE held_labels (
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	topic_id TEXT NOT NULL, 
	partition INTEGER NOT NULL, 
	from_offset BIGINT NOT NULL, 
	CONSTRAINT pk_held_labels PRIMARY KEY (model, version, topic_id, partition)
);
CREATE TABLE identities (
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	identity TEXT NOT NULL, 
	artefact TEXT, 
	source TEXT NOT NULL, 
	differing BIGINT NOT NULL, 
	replayed BIGINT NOT NULL, 
	fewest BIGINT NOT NULL, 
	frozen TEXT, 
	why TEXT NOT NULL, 
	asked_at DATETIME, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_identities PRIMARY KEY (model, version, identity)
);
CREATE TABLE inboxes (
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	newest BIGINT NOT NULL, 
	cursor BIGINT NOT NULL, 
	CONSTRAINT pk_inboxes PRIMARY KEY (model, version)
);
INSERT INTO "inboxes" VALUES('delays',1,2,1);
CREATE TABLE invalid (
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	minute DATETIME NOT NULL, 
	kind TEXT NOT NULL, 
	count BIGINT NOT NULL, 
	sample TEXT NOT NULL, 
	CONSTRAINT pk_invalid PRIMARY KEY (model, version, minute, kind)
);
CREATE TABLE job_results (
	id TEXT NOT NULL, 
	state TEXT NOT NULL, 
	sentence TEXT NOT NULL, 
	result TEXT, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_job_results PRIMARY KEY (id)
);
CREATE TABLE journal (
	seq INTEGER NOT NULL, 
	"group" TEXT NOT NULL, 
	changes BLOB NOT NULL, 
	CONSTRAINT pk_journal PRIMARY KEY (seq)
);
CREATE TABLE label_days (
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	day INTEGER NOT NULL, 
	received BIGINT NOT NULL, 
	subjects BIGINT NOT NULL, 
	matched BIGINT NOT NULL, 
	is_over BOOLEAN NOT NULL, 
	CONSTRAINT pk_label_days PRIMARY KEY (model, version, day)
);
CREATE TABLE label_hours (
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	start DATETIME NOT NULL, 
	written BIGINT NOT NULL, 
	CONSTRAINT pk_label_hours PRIMARY KEY (model, version, start)
);
CREATE TABLE label_joins (
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	topic_id TEXT NOT NULL, 
	partition INTEGER NOT NULL, 
	up_to BIGINT NOT NULL, 
	CONSTRAINT pk_label_joins PRIMARY KEY (model, version, topic_id, partition)
);
CREATE TABLE label_positions (
	namespace TEXT NOT NULL, 
	topic_id TEXT NOT NULL, 
	partition INTEGER NOT NULL, 
	up_to BIGINT NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_label_positions PRIMARY KEY (namespace, topic_id, partition)
);
CREATE TABLE label_refusals (
	namespace TEXT NOT NULL, 
	model TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	count BIGINT NOT NULL, 
	CONSTRAINT pk_label_refusals PRIMARY KEY (namespace, model, kind)
);
CREATE TABLE last_mails (
	address TEXT NOT NULL, 
	sent_at DATETIME, 
	waiting_since DATETIME, 
	failing_since DATETIME, 
	tries BIGINT NOT NULL, 
	why TEXT NOT NULL, 
	CONSTRAINT pk_last_mails PRIMARY KEY (address)
);
CREATE TABLE learned_rows (
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	start DATETIME NOT NULL, 
	rows BIGINT NOT NULL, 
	data BLOB NOT NULL, 
	CONSTRAINT pk_learned_rows PRIMARY KEY (model, version, start)
);
CREATE TABLE ledger (
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	minute DATETIME NOT NULL, 
	"group" TEXT NOT NULL, 
	judged BIGINT NOT NULL, 
	late BIGINT NOT NULL, 
	invalid BIGINT NOT NULL, 
	duplicate BIGINT NOT NULL, 
	dropped BIGINT NOT NULL, 
	dropped_at_most BIGINT NOT NULL, 
	dropped_at_least BIGINT NOT NULL, 
	set_aside BIGINT NOT NULL, 
	probe BIGINT NOT NULL, 
	elsewhere BIGINT NOT NULL, 
	notice BIGINT NOT NULL, 
	asked BIGINT NOT NULL, 
	unanswered BIGINT NOT NULL, 
	orphans BIGINT NOT NULL, 
	store_unavailable BIGINT NOT NULL, 
	entity_unknown BIGINT NOT NULL, 
	vector_stale BIGINT NOT NULL, 
	CONSTRAINT pk_ledger PRIMARY KEY (model, version, minute, "group")
);
INSERT INTO "ledger" VALUES('delays',1,'2026-01-01 00:00:00.000000','default',1195,1,3,1,0,0,0,0,0,0,0,0,0,0,0,0,0);
INSERT INTO "ledger" VALUES('delays',1,'2026-01-01 00:01:00.000000','default',7,1,3,1,0,0,0,0,0,0,0,0,0,0,0,0,0);
CREATE TABLE long_spans (
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	segment TEXT NOT NULL, 
	rhythm TEXT NOT NULL, 
	span_start DATETIME NOT NULL, 
	span_end DATETIME NOT NULL, 
	baseline_id TEXT NOT NULL, 
	revision INTEGER NOT NULL, 
	origin TEXT NOT NULL, 
	part_start DATETIME NOT NULL, 
	part_end DATETIME NOT NULL, 
	inputs TEXT NOT NULL, 
	windows BIGINT NOT NULL, 
	recounted BIGINT NOT NULL, 
	late_known BIGINT NOT NULL, 
	late_missing BIGINT NOT NULL, 
	notes TEXT NOT NULL, 
	final BOOLEAN NOT NULL, 
	requests BIGINT NOT NULL, 
	responses BIGINT NOT NULL, 
	joined BIGINT NOT NULL, 
	rows BIGINT NOT NULL, 
	late BIGINT NOT NULL, 
	duplicates BIGINT NOT NULL, 
	invalid BIGINT NOT NULL, 
	clamped BIGINT NOT NULL, 
	orphans BIGINT NOT NULL, 
	latencies BLOB NOT NULL, 
	verdict TEXT NOT NULL, 
	summary BLOB NOT NULL, 
	layout_hash TEXT, 
	spec_fingerprint TEXT NOT NULL, 
	code_version TEXT NOT NULL, 
	judgement TEXT NOT NULL, 
	emitted_at DATETIME NOT NULL, 
	remarks TEXT NOT NULL, 
	CONSTRAINT pk_long_spans PRIMARY KEY (model, version, segment, rhythm, span_start, span_end, baseline_id, revision, origin)
);
CREATE TABLE monitor_states (
	"group" TEXT NOT NULL, 
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	windows TEXT NOT NULL, 
	charts TEXT, 
	CONSTRAINT pk_monitor_states PRIMARY KEY ("group", model, version)
);
CREATE TABLE monitors (
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	"group" TEXT NOT NULL, 
	fingerprint TEXT NOT NULL, 
	spec TEXT NOT NULL, 
	changed_at DATETIME NOT NULL, 
	CONSTRAINT pk_monitors PRIMARY KEY (model, version)
);
INSERT INTO "monitors" VALUES('delays',1,'default','f87f1d54d4f16741de471b664f42b54d65279d5f55a6c5d1efd66d62857a7795','{"adversarial":{"client_header":null,"combinations":false,"off_grid":false,"probing":false},"alerts":{"digest":null,"emails":["on-call@example.org"],"mail_after":0.0,"outlier_pages_per_week":1.0,"outliers":"show","repeat_after":3600.0,"routes":[],"severity":{}},"archive":{"keep":7776000.0,"private":{}},"attribution":{"baseline":null,"calls_per_minute":6000,"identity":"replay","margin":0.05,"on_request":false,"rows_per_minute":500,"via":"off","window":600.0},"baseline":{"label":null,"refresh":"auto","score":null,"source":"local://delays?version=1&split=train","time_column":null,"utc_offset":0.0},"events":{"ahead":0.01,"dropped":0.001,"duplicate":0.1,"failed_look_ups":0.01,"invalid":0.01,"late":0.01,"slow":0.05,"slow_after":null,"unanswered":0.01},"false_alarms":{"count":1.0,"hold_for":0.0,"per":"week"},"group":"default","labels":{"charts":[],"event_id":null,"field":null,"horizon":604800.0,"keys":[],"known_at":null,"match":"event","prediction":null,"row":null,"source":null,"time":null,"tolerance":0.0},"model":{"digest":null,"event_id":null,"format":"sklearn","keys":[],"logged_by":"proxy","name":"delays","protocol":"v1","ready_within":120.0,"served_name":null,"source":"endpoint","table":null,"time":null,"topic":null,"uri":"file:///models/delays","url":null,"version":1},"namespace":"default","online":{"age_limit":null,"defaults":{},"features":{},"keys":[],"private":[],"source":null,"within":0.05},"serving":{"canary_percent":10,"canary_uri":null,"cpu":null,"explainer":null,"max_replicas":null,"memory":null,"replicas":1,"transformer":null},"skew":{"behind":3600.0,"table":null,"time":null,"tolerated":0.01},"spec_version":1,"watch":{"dependence":"auto","detectors":[],"expectations":[],"features":"all","long_spans":["hour","day","week"],"margin":0.02,"outlier_method":"ecod","outliers":"standard","outliers_per_day":100.0,"poisoning":false,"predictions":true,"rows_per_day":100000.0,"segments":[],"statistics":[]},"windowing":{"lateness":10.0,"length":60.0,"slide":null}}','2026-01-01 00:00:00.000000');
CREATE TABLE offsets (
	"group" TEXT NOT NULL, 
	topic TEXT NOT NULL, 
	partition INTEGER NOT NULL, 
	start BIGINT NOT NULL, 
	"end" BIGINT NOT NULL, 
	records BIGINT NOT NULL, 
	topic_id TEXT, 
	seen_at DATETIME NOT NULL, 
	CONSTRAINT pk_offsets PRIMARY KEY ("group", topic, partition)
);
CREATE TABLE outliers (
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	event_id TEXT NOT NULL, 
	"row" INTEGER NOT NULL, 
	origin TEXT NOT NULL, 
	event_time DATETIME NOT NULL, 
	score DOUBLE NOT NULL, 
	cutoff DOUBLE NOT NULL, 
	p_value DOUBLE NOT NULL, 
	reasons TEXT NOT NULL, 
	record TEXT, 
	made TEXT, 
	CONSTRAINT pk_outliers PRIMARY KEY (model, version, event_id, "row")
);
INSERT INTO "outliers" VALUES('delays',1,'e1',0,'stream','2026-01-01 00:00:00.000000',31.2,27.5,0.0004,'[{"feature":"departure_delay","part":11.9,"value":1301.0}]',NULL,NULL);
CREATE TABLE pane_parts (
	seq INTEGER NOT NULL, 
	"group" TEXT NOT NULL, 
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	pane DATETIME NOT NULL, 
	data BLOB NOT NULL, 
	CONSTRAINT pk_pane_parts PRIMARY KEY (seq)
);
CREATE TABLE passes (
	name TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_passes PRIMARY KEY (name)
);
INSERT INTO "passes" VALUES('monitoring_reconcile','2026-01-01 00:00:00.000000');
CREATE TABLE performance (
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	segment TEXT NOT NULL, 
	span_start DATETIME NOT NULL, 
	span_end DATETIME NOT NULL, 
	revision INTEGER NOT NULL, 
	answered BIGINT NOT NULL, 
	labelled BIGINT NOT NULL, 
	settled BOOLEAN NOT NULL, 
	counts TEXT NOT NULL, 
	coverage TEXT, 
	estimate TEXT, 
	verdict TEXT NOT NULL, 
	judgement TEXT NOT NULL, 
	figures TEXT, 
	baseline_id TEXT, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_performance PRIMARY KEY (model, version, segment, span_start, span_end, revision)
);
INSERT INTO "performance" VALUES('delays',1,'','2026-01-01 00:00:00.000000','2026-01-01 01:00:00.000000',0,3,2,1,'{"answered":3,"answers":[[200,1,0],[400,1,0],[900,0,1]],"compared":{"confusion":[["1","0",1],["1","1",1]],"errors":1,"scores":[[200,0,1],[900,0,1]],"sums":{"brier":"a666666666666fp1070","brier_square":"1a3886594af4f4325p1060","log_loss":"6dbf41e7f8c523p1072","log_loss_square":"14cfa634d4929c61p1067","surplus":"1ccccccccccccdp1073"}},"delays":{"backwards":0,"cells":[[723,2]]},"kind":"classes","labelled":2,"sizes":[],"unanswered":0,"unreadable":0}',NULL,NULL,'baseline_missing','{"figures":[{"high":0.9054687942657693,"low":0.09453120573423071,"method":"Wilson","name":"error rate","off_by":0.0,"rows":2,"value":0.5},{"high":1.0,"low":0.20654931437723742,"method":"Wilson","name":"precision","off_by":0.0,"rows":1,"value":1.0},{"high":0.9054687942657693,"low":0.09453120573423071,"method":"Wilson","name":"recall","off_by":0.0,"rows":2,"value":0.5},{"high":0.9503895282784433,"low":0.17273368769932426,"method":"Wilson of TP / (TP + FP + FN)","name":"F1","off_by":0.0,"rows":2,"value":0.6666666666666666},{"high":null,"low":null,"method":"DeLong","name":"AUC","off_by":0.0,"rows":2,"value":null},{"high":10.412956885291964,"low":-8.698158457200035,"method":"t","name":"log loss","off_by":0.0,"rows":2,"value":0.8573992140459633},{"high":4.32745449189503,"low":-3.6774544918950296,"method":"t","name":"Brier score","off_by":0.0,"rows":2,"value":0.32500000000000007},{"high":4.897171657661144,"low":-3.997171657661144,"method":"t","name":"calibration","off_by":0.0,"rows":2,"value":0.45}],"verdict":"baseline_missing","verdicts":[],"why":"the baseline has no labels to compare with"}','[["error rate",0.5,0.09453121,0.9054688,2,null,null,null,null,null],["precision",1.0,0.2065493,1.0,1,null,null,null,null,null],["recall",0.5,0.09453121,0.9054688,2,null,null,null,null,null],["F1",0.6666667,0.1727337,0.9503895,2,null,null,null,null,null],["AUC",null,null,null,2,null,null,null,null,null],["log loss",0.8573992,-8.698158,10.41296,2,null,null,null,null,null],["Brier score",0.325,-3.677454,4.327454,2,null,null,null,null,null],["calibration",0.45,-3.997172,4.897172,2,null,null,null,null,null]]',NULL,'2026-01-01 00:00:00.000000');
INSERT INTO "performance" VALUES('delays',1,'airline=AA','2026-01-01 00:00:00.000000','2026-01-01 01:00:00.000000',0,3,2,1,'{"answered":3,"answers":[[200,1,0],[400,1,0],[900,0,1]],"compared":{"confusion":[["1","0",1],["1","1",1]],"errors":1,"scores":[[200,0,1],[900,0,1]],"sums":{"brier":"a666666666666fp1070","brier_square":"1a3886594af4f4325p1060","log_loss":"6dbf41e7f8c523p1072","log_loss_square":"14cfa634d4929c61p1067","surplus":"1ccccccccccccdp1073"}},"delays":{"backwards":0,"cells":[[723,2]]},"kind":"classes","labelled":2,"sizes":[],"unanswered":0,"unreadable":0}',NULL,NULL,'baseline_missing','{}',NULL,NULL,'2026-01-01 00:00:00.000000');
CREATE TABLE promotions (
	seq INTEGER NOT NULL, 
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	baseline_id TEXT NOT NULL, 
	previous TEXT, 
	at DATETIME NOT NULL, 
	"by" TEXT NOT NULL, 
	why TEXT NOT NULL, 
	CONSTRAINT pk_promotions PRIMARY KEY (seq)
);
INSERT INTO "promotions" VALUES(1,'delays',1,'sha256:a451d808abece0d4afcadf344745ee8fd722caf5ea92242d43c8ce219dee7f30',NULL,'2026-01-01 00:00:00.000000','tests','first');
CREATE TABLE refresh_tries (
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	tried_at DATETIME NOT NULL, 
	settled_at DATETIME, 
	refused_since DATETIME, 
	tells_from DATETIME, 
	reason TEXT NOT NULL, 
	CONSTRAINT pk_refresh_tries PRIMARY KEY (model, version)
);
CREATE TABLE refreshes (
	seq INTEGER NOT NULL, 
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	baseline_id TEXT NOT NULL, 
	compared_with TEXT NOT NULL, 
	recount TEXT, 
	review TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	"end" TEXT, 
	ended_at DATETIME, 
	"by" TEXT NOT NULL, 
	why TEXT NOT NULL, 
	CONSTRAINT pk_refreshes PRIMARY KEY (seq)
);
CREATE TABLE remembered_rows (
	"group" TEXT NOT NULL, 
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	data BLOB NOT NULL, 
	CONSTRAINT pk_remembered_rows PRIMARY KEY ("group", model, version, name)
);
CREATE TABLE removals (
	seq INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	"before" DATETIME NOT NULL, 
	count BIGINT NOT NULL, 
	problem TEXT NOT NULL, 
	CONSTRAINT pk_removals PRIMARY KEY (seq)
);
CREATE TABLE row_quality (
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	segment TEXT NOT NULL, 
	span_start DATETIME NOT NULL, 
	span_end DATETIME NOT NULL, 
	revision INTEGER NOT NULL, 
	origin TEXT NOT NULL, 
	looked_at BIGINT NOT NULL, 
	rows BIGINT NOT NULL, 
	outcomes TEXT NOT NULL, 
	expectations TEXT, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_row_quality PRIMARY KEY (model, version, segment, span_start, span_end, revision, origin)
);
INSERT INTO "row_quality" VALUES('delays',1,'','2026-01-01 00:00:00.000000','2026-01-01 00:01:00.000000',2,'stream',599,600,'[{"expected":"0 to 1","feature":"airline","kwargs":{"max_value":Infinity},"met":null,"n":600,"p_value":0.25,"severity":"critical","suite":"delays","test":"between","there":"3 % of 600 values are not so, such as \u0000","type":"expect_column_values_to_be_between"}]','[["delays","expect_column_values_to_be_between","airline","0 to 1",null,"critical",600,0.25]]','2026-01-01 00:00:00.000000');
CREATE TABLE set_aside (
	"group" TEXT NOT NULL, 
	topic TEXT NOT NULL, 
	partition INTEGER NOT NULL, 
	"offset" BIGINT NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	reason TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_set_aside PRIMARY KEY ("group", topic, partition, "offset")
);
CREATE TABLE silences (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	model TEXT, 
	version INTEGER, 
	segment TEXT, 
	feature TEXT, 
	kind TEXT, 
	since DATETIME, 
	until DATETIME, 
	every TEXT, 
	why TEXT NOT NULL, 
	"by" TEXT NOT NULL, 
	said_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	ended_by TEXT NOT NULL
);
CREATE TABLE skew (
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	span_start DATETIME NOT NULL, 
	span_end DATETIME NOT NULL, 
	compared BIGINT NOT NULL, 
	unknown BIGINT NOT NULL, 
	differing TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_skew PRIMARY KEY (model, version, span_start, span_end)
);
CREATE TABLE table_reads (
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	up_to DATETIME, 
	newest DATETIME, 
	untimed BIGINT NOT NULL, 
	charts TEXT, 
	problem TEXT NOT NULL, 
	problem_since DATETIME, 
	CONSTRAINT pk_table_reads PRIMARY KEY (model, version)
);
CREATE TABLE views (
	name TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	CONSTRAINT pk_views PRIMARY KEY (name)
);
INSERT INTO "views" VALUES('v_version','a67d19acc37e9a8fe4c3a80fc0fa689e6bb5347659bb60ddf38faffea744aeda');
INSERT INTO "views" VALUES('v_window','a67d19acc37e9a8fe4c3a80fc0fa689e6bb5347659bb60ddf38faffea744aeda');
INSERT INTO "views" VALUES('v_feature_window','a67d19acc37e9a8fe4c3a80fc0fa689e6bb5347659bb60ddf38faffea744aeda');
INSERT INTO "views" VALUES('v_finding','a67d19acc37e9a8fe4c3a80fc0fa689e6bb5347659bb60ddf38faffea744aeda');
INSERT INTO "views" VALUES('v_alert','a67d19acc37e9a8fe4c3a80fc0fa689e6bb5347659bb60ddf38faffea744aeda');
INSERT INTO "views" VALUES('v_health_alert','a67d19acc37e9a8fe4c3a80fc0fa689e6bb5347659bb60ddf38faffea744aeda');
INSERT INTO "views" VALUES('v_ledger','a67d19acc37e9a8fe4c3a80fc0fa689e6bb5347659bb60ddf38faffea744aeda');
INSERT INTO "views" VALUES('v_balance','a67d19acc37e9a8fe4c3a80fc0fa689e6bb5347659bb60ddf38faffea744aeda');
INSERT INTO "views" VALUES('v_quality','a67d19acc37e9a8fe4c3a80fc0fa689e6bb5347659bb60ddf38faffea744aeda');
INSERT INTO "views" VALUES('v_performance','a67d19acc37e9a8fe4c3a80fc0fa689e6bb5347659bb60ddf38faffea744aeda');
INSERT INTO "views" VALUES('v_model','a67d19acc37e9a8fe4c3a80fc0fa689e6bb5347659bb60ddf38faffea744aeda');
INSERT INTO "views" VALUES('v_group','a67d19acc37e9a8fe4c3a80fc0fa689e6bb5347659bb60ddf38faffea744aeda');
INSERT INTO "views" VALUES('v_pass','a67d19acc37e9a8fe4c3a80fc0fa689e6bb5347659bb60ddf38faffea744aeda');
CREATE TABLE windows (
	model TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	segment TEXT NOT NULL, 
	span_start DATETIME NOT NULL, 
	span_end DATETIME NOT NULL, 
	revision INTEGER NOT NULL, 
	origin TEXT NOT NULL, 
	final BOOLEAN NOT NULL, 
	requests BIGINT NOT NULL, 
	responses BIGINT NOT NULL, 
	joined BIGINT NOT NULL, 
	rows BIGINT NOT NULL, 
	late BIGINT NOT NULL, 
	duplicates BIGINT NOT NULL, 
	invalid BIGINT NOT NULL, 
	clamped BIGINT NOT NULL, 
	orphans BIGINT NOT NULL, 
	latencies BLOB NOT NULL, 
	verdict TEXT NOT NULL, 
	summary BLOB NOT NULL, 
	baseline_id TEXT, 
	layout_hash TEXT, 
	spec_fingerprint TEXT NOT NULL, 
	code_version TEXT NOT NULL, 
	judgement TEXT NOT NULL, 
	feature_verdicts TEXT, 
	emitted_at DATETIME NOT NULL, 
	remarks TEXT NOT NULL, 
	CONSTRAINT pk_windows PRIMARY KEY (model, version, segment, span_start, span_end, revision, origin)
);
INSERT INTO "windows" VALUES('delays',1,'','2026-01-01 00:00:00.000000','2026-01-01 00:01:00.000000',1,'stream',1,600,600,600,600,0,0,0,0,0,X'','ok',X'','sha256:0000000000000000000000000000000000000000000000000000000000000000','1111111111111111111111111111111111111111111111111111111111111111','2222222222222222222222222222222222222222222222222222222222222222','0.1.0','{"features":[{"budget_share":0.08333333333333333,"detector":"drift","effect":0.31,"effect_unit":"sigma","evidence":{"far":Infinity},"feature":"departure_delay","m":24871,"n":600,"p_relevant":2e-35,"p_value":3e-41,"statistic":13.4,"test":"location","threshold":6e-06,"verdict":"drift","what":"shifted up"}]}','[["departure_delay","drift","drift","location",13.4,3e-41,2e-35,6e-06,0.08333333,0.31,"sigma",600,24871,"shifted up"]]','2026-01-01 00:01:12.000000','{}');
INSERT INTO "windows" VALUES('delays',1,'','2026-01-01 00:00:00.000000','2026-01-01 00:01:00.000000',2,'stream',1,600,600,600,600,1,0,0,0,0,X'','drift',X'','sha256:0000000000000000000000000000000000000000000000000000000000000000','1111111111111111111111111111111111111111111111111111111111111111','2222222222222222222222222222222222222222222222222222222222222222','0.1.0','{"features":[{"budget_share":0.08333333333333333,"detector":"drift","effect":0.31,"effect_unit":"sigma","evidence":{"far":Infinity},"feature":"departure_delay","m":24871,"n":600,"p_relevant":2e-35,"p_value":3e-41,"statistic":13.4,"test":"location","threshold":6e-06,"verdict":"drift","what":"shifted up"}],"further":[{"budget_share":0.08333333333333333,"detector":"drift","effect":null,"effect_unit":"sigma","evidence":{"far":Infinity},"feature":"d\u0000\ud800","m":24871,"n":600,"p_relevant":null,"p_value":3e-41,"statistic":Infinity,"test":"location","threshold":6e-06,"verdict":"ok","what":"shifted up"}],"notes":["\ud800"]}','[["departure_delay","drift","drift","location",13.4,3e-41,2e-35,6e-06,0.08333333,0.31,"sigma",600,24871,"shifted up"],["d\ufffd\ufffd","drift","ok","location",null,3e-41,null,6e-06,0.08333333,null,"sigma",600,24871,"shifted up"]]','2026-01-01 00:01:12.000000','{}');
INSERT INTO "windows" VALUES('delays',1,'','2026-01-01 00:01:00.000000','2026-01-01 00:02:00.000000',1,'stream',1,600,600,600,600,0,0,0,0,0,X'','ok',X'','sha256:0000000000000000000000000000000000000000000000000000000000000000','1111111111111111111111111111111111111111111111111111111111111111','2222222222222222222222222222222222222222222222222222222222222222','0.1.0','{}',NULL,'2026-01-01 00:02:12.000000','{}');
INSERT INTO "windows" VALUES('delays',1,'','2026-01-01 00:01:00.000000','2026-01-01 00:02:00.000000',1,'batch',1,600,600,600,600,0,0,0,0,0,X'','below_margin',X'','sha256:0000000000000000000000000000000000000000000000000000000000000000','1111111111111111111111111111111111111111111111111111111111111111','2222222222222222222222222222222222222222222222222222222222222222','0.1.0','{"features":[{"budget_share":0.08333333333333333,"detector":"drift","effect":0.01,"effect_unit":"sigma","evidence":{"far":Infinity},"feature":"departure_delay","m":24871,"n":600,"p_relevant":2e-35,"p_value":0.004,"statistic":13.4,"test":"location","threshold":6e-06,"verdict":"below_margin","what":"shifted up"}]}','[["departure_delay","drift","below_margin","location",13.4,0.004,2e-35,6e-06,0.08333333,0.01,"sigma",600,24871,"shifted up"]]','2026-01-01 00:02:12.000000','{}');
INSERT INTO "windows" VALUES('delays',1,'','2026-01-01 00:02:00.000000','2026-01-01 00:03:00.000000',1,'stream',0,600,600,600,600,0,0,0,0,0,X'','ok',X'','sha256:0000000000000000000000000000000000000000000000000000000000000000','1111111111111111111111111111111111111111111111111111111111111111','2222222222222222222222222222222222222222222222222222222222222222','0.1.0','{}',NULL,'2026-01-01 00:03:12.000000','{}');
INSERT INTO "windows" VALUES('delays',1,'airline=AA','2026-01-01 00:00:00.000000','2026-01-01 00:01:00.000000',1,'stream',1,600,600,600,600,0,0,0,0,0,X'','ok',X'','sha256:0000000000000000000000000000000000000000000000000000000000000000','1111111111111111111111111111111111111111111111111111111111111111','2222222222222222222222222222222222222222222222222222222222222222','0.1.0','{"features":[{"budget_share":0.08333333333333333,"detector":"drift","effect":0.31,"effect_unit":"sigma","evidence":{"far":Infinity},"feature":"departure_delay","m":24871,"n":600,"p_relevant":2e-35,"p_value":3e-41,"statistic":13.4,"test":"location","threshold":6e-06,"verdict":"drift","what":"shifted up"}]}','[["departure_delay","drift","drift","location",13.4,3e-41,2e-35,6e-06,0.08333333,0.31,"sigma",600,24871,"shifted up"]]','2026-01-01 00:01:12.000000','{}');
CREATE TABLE worker_beats (
	namespace TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	started_at DATETIME NOT NULL, 
	progressed_at DATETIME, 
	newest_event DATETIME, 
	pid BIGINT NOT NULL, 
	state TEXT NOT NULL, 
	models TEXT NOT NULL, 
	CONSTRAINT pk_worker_beats PRIMARY KEY (namespace)
);
CREATE INDEX ix_promotions_model_version ON promotions (model, version);
CREATE INDEX ix_refreshes_model_version_at ON refreshes (model, version, at);
CREATE INDEX ix_windows_model_version_segment_span_end ON windows (model, version, segment, span_end);
CREATE INDEX ix_long_spans_model_version_rhythm_span_end ON long_spans (model, version, rhythm, span_end);
CREATE INDEX ix_findings_model_version_span_end_seq ON findings (model, version, span_end, seq);
CREATE INDEX ix_findings_model_version_feature_span_end_seq ON findings (model, version, feature, span_end, seq);
CREATE INDEX ix_findings_model_version_seq ON findings (model, version, seq);
CREATE INDEX ix_attributions_model_version_span_end ON attributions (model, version, span_end);
CREATE INDEX ix_performance_model_version_segment_span_end ON performance (model, version, segment, span_end);
CREATE INDEX ix_performance_model_version_settled_span_start ON performance (model, version, settled, span_start);
CREATE INDEX ix_outliers_model_version_event_time ON outliers (model, version, event_time);
CREATE INDEX ix_ledger_group_minute ON ledger ("group", minute);
CREATE INDEX ix_alerts_model_version_opened_at ON alerts (model, version, opened_at);
CREATE INDEX ix_alerts_over_at ON alerts (over_at);
CREATE INDEX ix_alert_events_alert ON alert_events (alert);
CREATE INDEX ix_alert_events_at ON alert_events (at);
CREATE INDEX ix_alert_events_model_version ON alert_events (model, version);
CREATE INDEX ix_dispatch_failures_model_version_at ON dispatch_failures (model, version, at);
CREATE INDEX ix_health_events_at ON health_events (at);
CREATE INDEX ix_actions_target_at ON actions (target, at);
CREATE INDEX ix_actions_at ON actions (at);
CREATE INDEX ix_removals_at ON removals (at);
CREATE INDEX ix_gaps_group_at ON gaps ("group", at);
CREATE INDEX ix_set_aside_group_at ON set_aside ("group", at);
CREATE INDEX ix_pane_parts_group_model_version_pane ON pane_parts ("group", model, version, pane);
CREATE INDEX ix_journal_group ON journal ("group");
CREATE VIEW "v_version" AS SELECT 1 AS version;
CREATE VIEW "v_window" AS SELECT windows.model, windows.version, windows.segment, windows.span_start, windows.span_end, windows.revision, windows.origin, windows.final, windows.requests, windows.responses, windows.joined, windows.rows, windows.late, windows.duplicates, windows.invalid, windows.clamped, windows.orphans, CASE WHEN (windows.segment = '') THEN (SELECT count(*) AS count_1 
FROM outliers 
WHERE outliers.model = windows.model AND outliers.version = windows.version AND outliers.event_time >= windows.span_start AND outliers.event_time < windows.span_end) END AS outliers, windows.verdict, windows.verdict IN ('drift', 'drifting', 'model_changed', 'probing') AS alarming, windows.baseline_id, windows.spec_fingerprint, windows.code_version, windows.emitted_at 
FROM windows 
WHERE NOT (EXISTS (SELECT * 
FROM windows AS windows_1 
WHERE windows_1.model = windows.model AND windows_1.version = windows.version AND windows_1.segment = windows.segment AND windows_1.span_start = windows.span_start AND windows_1.span_end = windows.span_end AND (windows_1.revision > windows.revision OR windows_1.revision = windows.revision AND windows_1.origin < windows.origin)));
CREATE VIEW "v_feature_window" AS SELECT windows.model, windows.version, windows.segment, windows.span_start, windows.span_end, windows.revision, windows.origin, json_extract("each".value, '$[0]') AS feature, json_extract("each".value, '$[1]') AS detector, json_extract("each".value, '$[2]') AS verdict, json_extract("each".value, '$[3]') AS test, CAST(json_extract("each".value, '$[4]') AS DOUBLE) AS statistic, CAST(json_extract("each".value, '$[5]') AS DOUBLE) AS p_value, CAST(json_extract("each".value, '$[6]') AS DOUBLE) AS p_relevant, CAST(json_extract("each".value, '$[7]') AS DOUBLE) AS threshold, CAST(json_extract("each".value, '$[8]') AS DOUBLE) AS budget_share, CAST(json_extract("each".value, '$[9]') AS DOUBLE) AS effect, json_extract("each".value, '$[10]') AS effect_unit, CAST(json_extract("each".value, '$[11]') AS BIGINT) AS n, CAST(json_extract("each".value, '$[12]') AS BIGINT) AS m, json_extract("each".value, '$[13]') AS what, json_extract("each".value, '$[2]') IN ('drift', 'drifting', 'model_changed', 'probing') AS alarming 
FROM windows JOIN json_each(windows.feature_verdicts) AS "each" ON 1 = 1 
WHERE windows.final = 1 AND NOT (EXISTS (SELECT * 
FROM windows AS windows_1 
WHERE windows_1.model = windows.model AND windows_1.version = windows.version AND windows_1.segment = windows.segment AND windows_1.span_start = windows.span_start AND windows_1.span_end = windows.span_end AND windows_1.final = 1 AND (windows_1.revision > windows.revision OR windows_1.revision = windows.revision AND windows_1.origin < windows.origin)));
CREATE VIEW "v_finding" AS SELECT findings.seq, findings.id, findings.model, findings.version, findings.segment, findings.span_start, findings.span_end, findings.revision, findings.origin, findings.feature, findings.kind, findings.rhythm, findings.detector, findings.verdict, findings.test, findings.what, findings.statistic, findings.p_value, findings.p_relevant, findings.threshold, findings.budget_share, findings.effect, findings.effect_unit, findings.n, findings.m, findings.baseline_id 
FROM findings;
CREATE VIEW "v_alert" AS SELECT alerts.id, alerts.model, alerts.version, alerts.kind, alerts.opened_at, alerts.over_at, alerts.since, alerts.last_end, alerts.severity, alerts.features, alerts.feature_count, alerts.mailed_at, alerts.acknowledged_until, alerts.acknowledged_by, alerts.acknowledged_why, alerts.held_by, alerts.over_at IS NULL AS is_open 
FROM alerts;
CREATE VIEW "v_health_alert" AS SELECT health_alerts.kind, health_alerts.about, replace(trim(health_alerts.models, '[]"'), '","', ', ') AS models, health_alerts.since, CAST(NULL AS DATETIME) AS over_at, health_alerts.severity, health_alerts.reason, 1 AS is_open 
FROM health_alerts UNION ALL SELECT health_events.kind, health_events.about, replace(trim(health_events.models, '[]"'), '","', ', ') AS models, health_events.since, health_events.at AS over_at, health_events.severity, health_events.reason, 0 AS is_open 
FROM health_events 
WHERE health_events.event = 'over';
CREATE VIEW "v_ledger" AS SELECT ledger.model, ledger.version, ledger.minute, CAST(sum(ledger.judged) + sum(ledger.late) + sum(ledger.invalid) + sum(ledger.duplicate) + sum(ledger.set_aside) + sum(ledger.dropped) AS BIGINT) AS received, CAST(sum(ledger.judged) AS BIGINT) AS judged, CAST(sum(ledger.late) AS BIGINT) AS late, CAST(sum(ledger.invalid) AS BIGINT) AS invalid, CAST(sum(ledger.duplicate) AS BIGINT) AS duplicate, CAST(sum(ledger.dropped) AS BIGINT) AS dropped, CAST(sum(ledger.dropped_at_most) AS BIGINT) AS dropped_at_most, CAST(sum(ledger.dropped_at_least) AS BIGINT) AS dropped_at_least, CAST(sum(ledger.set_aside) AS BIGINT) AS set_aside, CAST(sum(ledger.probe) AS BIGINT) AS probe, CAST(sum(ledger.elsewhere) AS BIGINT) AS elsewhere, CAST(sum(ledger.notice) AS BIGINT) AS notice, CAST(sum(ledger.asked) AS BIGINT) AS asked, CAST(sum(ledger.unanswered) AS BIGINT) AS unanswered, CAST(sum(ledger.orphans) AS BIGINT) AS orphans, CAST(sum(ledger.store_unavailable) AS BIGINT) AS store_unavailable, CAST(sum(ledger.entity_unknown) AS BIGINT) AS entity_unknown, CAST(sum(ledger.vector_stale) AS BIGINT) AS vector_stale 
FROM ledger GROUP BY ledger.model, ledger.version, ledger.minute;
CREATE VIEW "v_balance" AS SELECT both."group" AS monitor_group, both.minute, CAST(sum(both.arrived) AS BIGINT) AS arrived, CAST(sum(both.accounted) AS BIGINT) AS accounted, CAST(sum(both.arrived) AS BIGINT) - CAST(sum(both.accounted) AS BIGINT) AS difference 
FROM (SELECT arrivals."group" AS "group", arrivals.minute AS minute, arrivals.records AS arrived, 0 AS accounted 
FROM arrivals UNION ALL SELECT ledger."group" AS "group", ledger.minute AS minute, 0 AS arrived, ledger.judged + ledger.late + ledger.invalid + ledger.duplicate + ledger.set_aside + ledger.probe + ledger.elsewhere + ledger.notice AS went 
FROM ledger) AS both GROUP BY both."group", both.minute;
CREATE VIEW "v_quality" AS SELECT row_quality.model, row_quality.version, row_quality.segment, row_quality.span_start, row_quality.span_end, row_quality.revision, row_quality.origin, row_quality.looked_at, row_quality.rows, row_quality.at, json_extract("each".value, '$[0]') AS suite, json_extract("each".value, '$[1]') AS expectation, json_extract("each".value, '$[2]') AS feature, json_extract("each".value, '$[3]') AS expected, CAST(json_extract("each".value, '$[4]') AS BOOLEAN) AS met, json_extract("each".value, '$[5]') AS severity, CAST(json_extract("each".value, '$[6]') AS BIGINT) AS n, CAST(json_extract("each".value, '$[7]') AS DOUBLE) AS p_value 
FROM row_quality JOIN json_each(row_quality.expectations) AS "each" ON 1 = 1 
WHERE NOT (EXISTS (SELECT * 
FROM row_quality AS later 
WHERE later.model = row_quality.model AND later.version = row_quality.version AND later.segment = row_quality.segment AND later.span_start = row_quality.span_start AND later.span_end = row_quality.span_end AND later.origin = row_quality.origin AND later.revision > row_quality.revision));
CREATE VIEW "v_performance" AS SELECT performance.model, performance.version, performance.segment, performance.span_start, performance.span_end, performance.revision, performance.answered, performance.labelled, performance.settled, performance.verdict, performance.baseline_id, performance.at, json_extract("each".value, '$[0]') AS figure, CAST(json_extract("each".value, '$[1]') AS DOUBLE) AS value, CAST(json_extract("each".value, '$[2]') AS DOUBLE) AS low, CAST(json_extract("each".value, '$[3]') AS DOUBLE) AS high, CAST(json_extract("each".value, '$[4]') AS BIGINT) AS figure_rows, json_extract("each".value, '$[5]') AS figure_verdict, CAST(json_extract("each".value, '$[6]') AS DOUBLE) AS p_value, CAST(json_extract("each".value, '$[7]') AS DOUBLE) AS threshold, CAST(json_extract("each".value, '$[8]') AS DOUBLE) AS effect, json_extract("each".value, '$[9]') AS effect_unit 
FROM performance LEFT OUTER JOIN json_each(performance.figures) AS "each" ON 1 = 1 
WHERE NOT (EXISTS (SELECT * 
FROM performance AS later 
WHERE later.model = performance.model AND later.version = performance.version AND later.segment = performance.segment AND later.span_start = performance.span_start AND later.span_end = performance.span_end AND later.revision > performance.revision));
CREATE VIEW "v_model" AS WITH newest AS MATERIALIZED 
(SELECT monitors.model AS model, monitors.version AS version, (SELECT max(windows.span_end) AS max_1 
FROM windows 
WHERE windows.model = monitors.model AND windows.version = monitors.version AND windows.segment = '' AND windows.final = 1) AS span_end 
FROM monitors)
 SELECT monitors.model, monitors.version, monitors."group" AS monitor_group, monitors.fingerprint AS spec_fingerprint, monitors.changed_at, current_baselines.baseline_id, baselines.created_at AS baseline_created_at, windows.span_start AS last_span_start, windows.span_end AS last_span_end, windows.verdict AS last_verdict, windows.rows AS last_rows, windows.requests AS last_requests, (SELECT count(*) AS count_1 
FROM alerts 
WHERE alerts.model = monitors.model AND alerts.version = monitors.version AND alerts.over_at IS NULL) AS open_alerts, (SELECT min(failures.since) AS min_1 
FROM failures 
WHERE failures."group" = monitors."group" AND failures.model = monitors.model AND failures.version = monitors.version AND failures.ended_at IS NULL) AS failing_since, heartbeats.state AS driver_state, heartbeats.at AS driver_at, heartbeats.progressed_at AS driver_progressed_at 
FROM monitors JOIN newest ON newest.model = monitors.model AND newest.version = monitors.version LEFT OUTER JOIN windows ON windows.model = newest.model AND windows.version = newest.version AND windows.segment = '' AND windows.final = 1 AND windows.span_end = newest.span_end AND NOT (EXISTS (SELECT * 
FROM windows AS above 
WHERE above.model = windows.model AND above.version = windows.version AND above.segment = windows.segment AND above.span_end = windows.span_end AND above.final = 1 AND (above.span_start > windows.span_start OR above.span_start = windows.span_start AND (above.revision > windows.revision OR above.revision = windows.revision AND above.origin < windows.origin)))) LEFT OUTER JOIN current_baselines ON current_baselines.model = monitors.model AND current_baselines.version = monitors.version LEFT OUTER JOIN baselines ON baselines.id = current_baselines.baseline_id LEFT OUTER JOIN heartbeats ON heartbeats."group" = monitors."group";
CREATE VIEW "v_group" AS SELECT heartbeats."group" AS monitor_group, heartbeats.generation, heartbeats.state, heartbeats.at, heartbeats.started_at, heartbeats.progressed_at, heartbeats.event_time_head, heartbeats.batch_id AS batches, heartbeats.lag, heartbeats.missing, heartbeats.error 
FROM heartbeats;
CREATE VIEW "v_pass" AS SELECT passes.name, passes.at 
FROM passes;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('findings',2);
COMMIT;
