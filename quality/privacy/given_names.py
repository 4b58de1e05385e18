"""Given names common in English, Spanish and French records, lower case and without accents.

Written for this project from general knowledge. They confirm a weak context ("I am Daniel" against "I am Diabetic");
a strong context ("Mr.", "my name is") needs no list, so names missing here are still found there.
"""

_ENGLISH = """
aaron abigail abraham ada adam addison adele adrian adrienne agatha agnes aidan aileen alan alastair albert alec alex
alexander alexandra alexis alfred alice alicia alina alison allan allison alma alvin alyssa amanda amelia amos amy
andre andrea andrew andy angela angelica angie anita ann anna annabel anne annette annie anthony antonia archie ariana
ariel arlene arnold arthur arturo ashley ashton aubrey audrey ava avery barbara barney barry bartholomew beatrice
beatrix becky bella ben benedict benjamin bernadette bernard bernice bertha bertram bessie beth bethany betsy bettina
betty beverly blake bonnie boris brad bradley brandon brandy brenda brendan brent brett brian brianna bridget britney
brittany bruce bruno bryan bryce byron caitlin caleb callum calvin cameron camilla candace cara carl carla carlton
carmen carol caroline carolyn carrie carter casey cassandra catherine cathy cecelia cecil cecilia cedric celeste celia
chantal charlene charles charlie chelsea cherie cheryl chloe chris christa christina christine christopher cindy claire
clara clarence clarissa claude claudia clayton clement clementine clifford clint clyde cody colette colin colleen connie
connor conrad constance corey cornelius courtney craig curtis cynthia daisy dale damian damon dan dana daniel daniela
danielle danny daphne darlene darrell darren dave david deanna debbie deborah debra declan deirdre delia denise
deirdre derek derrick desmond devon diana diane dimitri dmitri dominic dominique donald donna dora doreen doris dorothy
doug douglas duane duncan dustin dwayne dwight dylan earl eddie edgar edith edmund edna eduardo edward edwin eileen
elaine eleanor elena eli elias elijah elisa elise elizabeth ella ellen ellie elliot elmer eloise elsa elsie elvira
emily emma emmanuel enid eric erica erik erin ernest ernestine esme esmeralda estelle esther ethan ethel eugene eunice
eva evan evelyn everett fatima felicia felicity felix ferdinand fiona floyd frances francesca francis francine
franklin fred freda freddie frederick gabriel gabriela gabriella gabrielle gail gareth garrett gary gavin gemma
geoffrey george georgina gerald geraldine gerard gertrude gideon gilbert gillian gina ginny giselle gladys glenda glenn
gloria gordon graham greg gregory greta gretchen gus guy gwen gwendolyn hannah harold harriet harrison harry harvey
hayley hector heidi helen helena henrietta herbert herman hilary hilda holly homer horace howard hubert hugh hugo
hyacinth ian ida imogen ingrid irene irma irving isaac isabel isabella isabelle isaiah isla ivan ivor jackie jackson
jacob jacqueline jaden jake james jamie jan jane janet janice jared jasmine jason jasper jay jayden jayne jean jeanette
jeanne jeff jeffrey jemma jenna jennie jennifer jenny jeremiah jeremy jermaine jerome jerry jesse jessica jessie jill
jillian jim jimmy joan joanna joanne jocelyn jodie joe joel joey john johnny jon jonah jonathan jordyn josephine
joseph josh joshua josie joyce juan juanita jude judith judy julia julian juliana julie juliet june justin justine
karen karin karl karla kate katelyn katherine kathleen kathryn kathy katie katrina kay kayla keith kelsey ken kendra
kenneth kenny kerry kevin kieran kimberly kim kirk kirsten kirsty kristen kristin kristina kristy kurt kyle kylie
lamar lana lara larry latoya laura lauren laurie lawrence leah leanne lena lenny leo leon leona leonard leonora leroy
leslie lester leticia lewis lewis liam lila lillian linda lindsay lindsey lionel lisa liz lloyd logan lois lola
lorenzo loretta lori lorna lorraine lottie louis louisa louise lucas lucia lucille lucinda lucy luis luke lydia lyle
lynn mabel mack mackenzie maddie madeleine madeline maggie malcolm malik mandy marcia marcus margaret margarita margery
marguerite maria mariah marian marianne marie marilyn marina mario marion marisol marjorie marlene marsha martha marvin
mary mason mathew matilda matt matthew maud maureen maurice maxine maxwell megan melanie melinda melissa melody melvin
meredith mia micah michael michaela micheal michele michelle mike mildred millicent mimi mindy minnie mira miranda
miriam mitchell moira molly mona monica monique morgan morris moses muriel myra myrtle nadia nadine nancy naomi natalia
natalie natasha nathan nathaniel neil nellie nelson nicholas nicola nicole nigel nina noah noel noelle nora noreen
norma olga oliver olivia ollie omar opal ophelia oscar otis otto owen pam pamela pandora patrice patricia patrick patsy
patty paul paula pauline pedro peggy penelope percy perry pete peter petra phil philip philippa phillip phoebe phyllis
preston priscilla quentin quincy rachael rachel ralph ramon ramona randall raphael raquel rasheed raymond rebecca regina
reginald rene renee rhoda rhonda ricardo richard ricky rita robert roberta roberto robin robyn rochelle roderick rodney
roger roland roman ronald ronnie rosalie rosalind rosalyn rosanna roseanne rosemarie rosie rosita ross rowena roxanne
roy ruben rudolph rudy rufus rupert russell ruth ryan sabrina sadie sally salvatore sam samantha samuel sandra sandy
sara sarah sasha saul scarlett scott sean sebastian selena selma serena seth shane shannon sharon shaun shawn sheila
shelby sheldon shelley sheri sherry shirley sidney sierra silas silvia simon simone skylar sofia solomon sonia sonya
sophia sophie spencer stacey stacy stan stanley stefan stella stephanie stephen steve steven stewart stuart susan
susanna suzanne sybil sylvia tabitha tamara tammy tanya tara tasha tatiana taylor ted terence teresa terrence tessa
thaddeus thelma theo theodore theresa tiffany tim timothy tina toby tobias todd tom tommy toni tony tonya tracey tracy
travis trevor tricia trisha tristan troy tyler tyrone ulysses ursula valerie vanessa vaughn velma vera verna vernon
veronica vicki vicky victor vincent viola vivian vivienne wallace walter wanda warren wayne wendell wendy wesley
whitney wilbur wilfred willa willard william willie willis wilma winifred winston woodrow xavier yolanda yvette yvonne
zach zachary zane zara zelda zoe
"""

_SPANISH = """
adela adolfo adoracion adriana agapito agueda agustin aitana aitor ainhoa ainara alba alberto alejandra alejandro
alfonso alfredo alicia almudena alonso alvaro amadeo amaia amalia amaya amparo ana anabel anastasio andrea andres
angeles angelines anibal anselmo antonia antonio araceli aranzazu ariadna aristides armando arturo asier asuncion
aurelio aurora azucena balbina baltasar bartolome basilio beatriz begona belen benita benito benjamin berta bernabe
bernardo blas borja brigida bruno calixto camila camilo candela caridad carla carlos carlota carmelo carmen carolina
casimiro catalina cayetana cayetano cecilia celestino celia cesar chelo cipriano claudia clemente clotilde conchita
conrado cristian cristina cristobal damian daniel daniela dario david delfina demetrio diego dionisio domitila edgardo
edelmira edmundo eduardo efrain elena eleuterio elias elisa elisenda eloisa eloy elvira emilia emiliano emilio encarna
encarnacion enrique epifanio ernesto esmeralda esperanza esteban ester estefania eufemia eugenia eugenio eulalia
eusebio eva evaristo ezequiel fabian fabiola fabricio facundo fausto federico feliciano felicidad felipe felisa
fermin fernanda fernando fidel florencio florentino fortunato francesc francisca francisco froilan gabriel gabriela
gaspar genoveva gerardo german gervasio gines gisela gloria gonzalo graciela gregoria gregorio guadalupe guillermo
guillermina gumersindo gustavo hector heriberto hernan herminia hilario hipolito horacio hortensia hugo humberto ignacio
iker ildefonso imanol inaki inmaculada ines inigo irene isabel isidora isidoro isidro ismael israel itziar ivan jacinta
jacinto jacobo jaime jairo javier jeronimo jessica jimena joaquin joaquina jon jordi jorge jose josefa josefina josep
josue juan juana juanjo julia julian juliana julio justina laia laura laureano lautaro leandro leire leocadia leonardo
leonor leopoldo leticia lidia liliana lola lope lorena lorenza lorenzo lourdes lucas lucia luciana luciano lucrecia luis
luisa macarena magdalena maite manolo manuel manuela marc marcela marcelino marcelo marcial marcos margarita maria
marian mariana mariano maribel maricarmen mariluz marina mario marisa marisol marta martina mateo matias matilde
mauricio maximiliano maximo mayte melchor melisa mercedes miguel mikel milagros mireia miriam modesta moises monica
montserrat natalia nati nazaret nelida nerea nicanor nicolas nicolasa nieves noelia norberto nuria octavio olga oriol
oscar osvaldo pablo paco paloma paola pascual patricia patricio pau paula paulina pedro pepa pepe petra piedad primitivo
prospero purificacion quique rafael rafaela raimundo ramiro ramon ramona raquel raul rebeca regina reinaldo renata
ricardo rigoberto rita roberto rocio rodolfo rodrigo rogelio roman romina romualdo rosalia rosana rosaura rosendo
ruben rufino ruperto sabina salome salvador samuel sandra santiago santos sara saturnino saul sebastian segismundo
serafin sergio severino silverio silvestre silvia simon simona sofia soledad sonia soraya susana tamara telmo teodora
teodoro teofilo teresa tobias tomas tomasa trinidad ulises unai urbano valentin valentina valeria valeriano vanesa
vicenta vicente victoriano vidal virtudes viviana wenceslao xavi xavier ximena xoan yago yaiza yamila yesenia yolanda
zacarias zoraida zulema
abelardo abril acacio adelaida adelina agustina aina alatz albino alcira aleix alexandru alfonsa alodia amador
amancio ambrosio andoni ane angela angelina aniceto antxon arantxa arnau aroa atanasio aurea aureliano ausias
azahara baldomero basilia baudilio beltran bernat berto bienvenida biel bonifacio brais braulio breixo calista
candido carina carme casandra casiano catarina cayo ciriaco cirilo clementina constantino cosme crescencio cruz
dafne damaso demetria desiderio diana dimas dolors dorotea edelia edelmiro edith edurne egoitz elpidio emeterio
enara encarni ernestina estibaliz esther eulogio eutimio eva-maria evelio fe febe felicitas fernan ferran fina flor
florinda fructuoso gala garazi genaro gerard german gertrudis gil ginesa gladis gorka gregori gumersinda haizea
higinio hilaria hipolita honorio icia idoia igor iluminada imelda irati isaura isidre iskander ivette iria itsaso
izaro izan jacint jana jaume jeronima joana joseba josu jovita juanita judit julen justa koldo laia lara leyre
librada lidia liborio lisandro llorenc loreto lucila luzia maia mainar malena manel marcelina margalida mariangeles
mariela marilo marti maruja maximina maximino merce merche meritxell micaela milagrosa miquel mirari miren modesta
monserrat naiara narciso nekane nestor nuno obdulia odon olalla olaya onofre paquita pascuala patxi petronila
pilarin pio placido policarpo porfirio puri queralt quim quintin ramira ramiro raimunda remigio restituto rigoberta
roc rodolfa roque rosalina rosamaria rosa-maria rufina sancho sandro sebastiana secundino serena sigfrido sixto
sonsoles telesforo teofila teresita tirso torcuato txema uxia uxue valero vasco venancio ventura vicent victoriana
visitacion xabier xabi xurxo yeray yoel yoana yone zaida zigor zurine
"""

_FRENCH = """
achille adeline adrien agathe agnes aime alain albane alexandre alexis alix amandine amaury amelie anais andree ange
annick anouk antoine apolline ariane armand armelle arnaud arthur astrid aude audrey augustin aurelie aurelien axel
baptiste barthelemy bastien beatrice benedicte benoit berenice bertrand blandine blanche boris brigitte camille capucine
caroline cecile celine chantal charlene charles christelle christiane christophe claire claudine clemence clement
cleo clothilde coralie corentin corinne cyril damien danielle daphne delphine denis diane didier dimitri dominique
dorothee edith edouard elise elodie eloise emeline emile emilie emmanuel emmanuelle eric estelle etienne eugenie fabien
fabienne fabrice faustine felicie fernand flavie florent florian franck francois francoise frederic frederique gabin
gael gaelle gaetan gaspard gaston genevieve geoffroy georges gerald germain ghislaine gilbert gilles gisele
guillaume guy gwenaelle helene henri herve hortense hugues huguette isabelle jacques jacqueline jean jeanne jeannine
jerome joel joelle joseph josette josiane jules julie julien juliette justine karine laetitia laurence laurent lea
leonie leopold liliane lise loic lou louis louise luc lucie lucien lucienne ludovic madeleine maelle magali manon marc
marcel margaux margot marguerite marianne marie marine marius marthe martine mathieu mathilde matthieu maud maurice
maxime melanie michel micheline mireille monique morgane muriel myriam nadege nadine nathalie nicolas noemie odette
odile
olivier ophelie oceane pascal pascale patrice paulette pauline perrine philippe pierre pierrette quentin raoul raphael
raymonde regine regis remi remy renaud rene renee robert rodolphe roland romain romane roseline roxane sabine sandrine
sebastien segolene serge severine simone solange solene sophie stephane suzanne sylvain sylvie tanguy theo theophile
therese thibaud thibault thierry thomas tiphaine tristan ulysse valentin valerie veronique vincent violette virginie
viviane xavier yannick yves yvette yvon zoe
"""

_ELSEWHERE = """
aarav abdul abdullah abebe abu adaeze adebayo ade adel aditi aditya agnieszka ahmad ahmed aisha akash akira alejandra
aleksander alessandra alessandro ali alistair alok amal amar amina amir amit amrita anand andreas andrei ananya aneta
anil anjali anita anika anke annika anton antonella anwar aoife aparna archana arjun arun asha ashok astrid ayaan
ayesha aylin bao bartosz beata bilal bjorn carlo chandra chen chiara chidi chinedu chiamaka ciara claudio danilo deepa
deepak dieter dinesh dragan ebele ekaterina elif emeka emre enzo erwin esra fabio faisal farah farid farida fatma
fatoumata fernanda ferenc francesca francesco franz friedrich gautam giorgio giovanni giulia giuseppe goran gunther
hamid hamza hana hans harish haruto hassan heinrich heinz helga hiroshi hussein ibrahim ifeoma igor ikram ilse imran
indira irina ivana ivanka jamal jan javed jens jiho jing joao johan johannes jorg joost jurgen kaito kamal karim
karthik katarzyna kavita kemal kenji khadija khalid khan khadijah kofi krishna krzysztof kumar kwame lakshmi lars latifa
layla leila lin lorenza luca ludwig luigi luka magda magnus mahmoud malgorzata manfred mandeep manish manoj marcin marco
marek mariam mariusz marta marwan massimo matteo meera mehmet mei meiling mihai mina ming mirko mohamed mohammad
mohammed mohan muhammad mustafa nabil nadeem naresh nasser navin neha ngozi nguyen nikhil nikita nikolai nils nnamdi
noor nour obinna olaf oleg olumide paolo pavel piotr pooja prakash pranav prasad praveen pritha priya qing rahul raj
rajesh rajiv raju rakesh ram ramesh rania rashid ravi reza rohan rohit rosanna roya sachin saeed said salim salma samir
samira sandeep sandhya sanjay santosh satoshi shabnam shankar sharif shreya sigrid silke simran siobhan sita slavko
sonal stefania stefano stella sunil sunita suresh svetlana swati tahir takashi tamar tariq tatjana thorsten tomasz
tuan uma umar usha uwe vandana venkat vera vijay vikram vinod vishal vladimir wei wilhelm wojciech xin xiao yasmin
yasmine yasir yoko yosef yuki yuri yusuf zainab zeynep zhang zofia
abdoulaye abiola adwoa afua agata agnete aino aksel alfhild alva amadou aminata amrit anastasia anders andrzej
anisha ansel antje antonin apinya arash ariadne arda arne arvid arwa asif asma azar azadeh babak bahar baraka
behrouz bente berit birgit bjarne bogdan boubacar branko brigitta burak can celine chang cheng chika chinwe dagmar
daria darya dariusz demba deniz dilip dina dmytro dorota eero eivind elin elke emese emine endre ester eszter ewa
farouk farzana fatou femi feng folasade freya fumiko funmi gabor ganesh gita gitte greger gudrun gunnar gyorgy habib
hakan halima hamed hanne hao harald haruka hatice heidrun heike henrik hideo hilde hiroko hong hung ingeborg ingrid
ioana isha ismail iveta ivar jae jakob janusz jaroslav jasmin jaya jelena jitka joanna jolanta jonas juha julianna
jun jyoti kaja kalpana katja kazimierz keiko kerstin khalil khosrow kirsi kjell klara klaus kofi kunal lachlan laila
lajos laszlo leif lene lenka ling linnea ludmila maarten madhu magnhild mai maja mamadou marcela marek maren margit
margrethe mariama marit maryam masako matthias mattias maya mehdi meena mikael mikhail milan mihail milos minh mira
mitsuko mona moussa murat nadezhda nanda nasrin nazanin nguyet niamh nilufar noriko nuri olumide oluwaseun oksana
ola oluf omid osman otmar ousmane padma parisa parvati pekka per petr phuong preeti radek radha rafal ragnar
ragnhild rana rekha reidar renata rohini roisin rolf rune ryszard sabine sachiko saoirse sanna satish seema selim
sergei seyed shabana shirin shivani sibusiso sigurd silje sindre soren stanislav stefani stein sven taro tamas
tariku temitope terje thabo thandiwe thi thuy tor tove tomoko toril trine tunde ulf ulla ulrike umut valentina
vasile vasily veronika viktor vilma vojtech walid wanjiru wilma xiaoming yadira yael yaw yelena yetunde ying yogesh
yolande yohannes yumi yun zahra zbigniew zdenek zeinab zoltan zsofia zuzana
"""

NAMES_AND_WORDS: frozenset[str] = frozenset(
    """
    abril ade alba albino allen alma amber amina ane angel angeles april art asma asuncion august aurora austin azar
    barry basil bill blanca blanche brook brooke brooklyn bud can cara carina carolina chance charity charlotte chase
    christian clara clay clementine cliff concepcion concha consuelo cruz crystal dale dallas dawn dean dennis dick
    dolores domingo don drew earl ella ernest esperanza ester estrella eve faith fe fina flor flora florence florida
    frank gala gay gene georgia german gil ginger glen grace grant guy harry hazel heather henry hope houston hung
    hunter inmaculada iris isla israel ivy jack jade jasmine jaya jesus jewel joaquim jordan joy jun june justo kelly
    kent lance lee lily linden ling lourdes luna luz madison magnus mar marcia marco marine mark martin max may melody
    mercedes mercy milagros miles ming misty modesto nick norma norman ola olive opal page paris parker pascal pat
    patience paz pearl penny per perla pierce pilar pio prudence quincy ram randy ray reed remedios rich rick rob
    robin roman rosa rosario rose ruby rusty sage said salud salvador sancho sandy savannah serenity sharp shelly
    sierra skip socorro sol soledad stein stella sterling sue summer sydney tad terry thi thomas tor trinidad tuesday
    uma urbano ventura vera victor victoria viola violet virginia wade ward will willow wood woody yaw
    """.split()
)
"""Names that are also words, places, plants or months; they need a strong context."""

GIVEN_NAMES: frozenset[str] = frozenset((_ENGLISH + _SPANISH + _FRENCH + _ELSEWHERE).split()) - NAMES_AND_WORDS
"""Names with hardly any other meaning."""
