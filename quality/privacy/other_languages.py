"""Cues before a person's name in Polish, Romanian, Russian, Greek, Vietnamese and Catalan."""

TITLE = (
    r"(?:(?:[Pp]ani?|[Dd]omn(?:ul(?:ui)?|i[șş]oara)|[Dd]oamn[ae]i?|D-(?:l|na)|Dl\.|Dna\.?|[Ss]enyora?"
    r"|[Гг]осподин[а]?|[Гг]оспож[аеу]|[Гг]-(?:н|жа)|[Дд]октор[ау]?|[Пп]ациент(?:к[аи]|а)?|[Бб]ольн(?:ой|ая)"
    r"|[Гг]ражданин"
    r"|[Кκ]\.|κ[αο]ς?\.?|[Κκ]ύριο[ςυ]|[Κκ]υρία[ς]?|[Γγ]ιατρ(?:ός|ού|ό|έ)|[Δδ]ρ\.?|[Αα]σθεν(?:ής|ή)"
    r"|[Ôô]ng|[Bb]à|[Bb]ác sĩ|[Bb]ệnh nhân|B[Ss]\.?|[Cc]hị|[Aa]nh|[Cc]ô|[Cc]hú|[Yy] tá)(?:[ ](?:dr|mgr"
    r"|prof)\.?)?|dr|lek\.)[ ]{1,2}"
)
INTRODUCTION = (
    r"(?:em dic|el meu nom [ée]s|nazywam si[ęe]|mam na imi[ęe]|na imi[ęe] mam|m[ăa] numesc|m[ăa] cheam[ăa]"
    r"|numele meu (?:este|e)"
    r"|меня зовут|мо[её] имя|моя фамилия|е(?:го|ё) зовут|με λένε|ονομάζομαι|λέγομαι|το όνομά μου είναι"
    r"|(?:tôi|em|mình|cháu) tên(?: là)?|tên (?:của )?(?:tôi|em|mình|cháu) là)"
)
PRESENT = r"(?:soc (?:en|la|el|l[’'])|jestem|sunt|я|είμαι (?:ο|η)|(?:tôi|em|cháu|mình) là)"
KIN = (
    r"(?:(?:el meu|la meva|el seu|la seva) (?:fill|filla|marit|dona|mare|pare|germ(?:à|ana)|[àa]via|avi|n[ée]ta?|amiga?"
    r"|amic|parella)"
    r"|(?:m[óo]j|moja|moj(?:ego|ej)|jego|jej|nasz[ae]?) (?:syn|c[óo]rka|m[ąa][żz]|[żz]ona|matka|ojciec|brat"
    r"|siostra|babcia"
    r"|dziadek|wnu(?:k|czka)|mama|tata|ciocia|wujek)"
    r"|(?:fiul|fiica|so[țţt]ul|so[țţt]ia|mama|tat[ăa]l|fratele|sora|bunic(?:a|ul)|nepo(?:tul|ata)) (?:meu|mea"
    r"|lui|ei|s[ăa]u|sa)"
    r"|(?:мо[йяю]|мо(?:его|ей)|е(?:го|ё)|наша?) (?:сын|дочь|дочка|муж|жена|мать|мама|отец|папа|брат|сестра"
    r"|бабушка|дедушка"
    r"|внук|внучка)"
    r"|(?:γιος|κόρη|σύζυγος|άντρας|γυναίκα|μητέρα|μαμά|πατέρας|μπαμπάς|αδε[λρ]φ(?:ός|ή)|γιαγιά|παππούς)"
    r" (?:μου|του|της|μας|σας)"
    r"|(?:con trai|con gái|vợ|chồng|mẹ|bố|anh trai|chị gái|em gái|em trai)(?: của)? (?:tôi|em|anh|chị)(?: là| tên)?)"
)
SURE_LABELS = (
    r"(?:nom i cognoms|cognoms?|imi[ęe](?: i nazwisko)?|nazwisko|(?:nume|prenume)(?: [șşs]i prenume)?|"
    r"ф\.? ?и\.? ?о\.?|имя|фамилия|отчество|лечащий врач|όνομα|επώνυμο|ονοματεπώνυμο|họ(?: và)? tên|họ|tên)"
)
LIKELY_LABELS = (
    r"(?:pacienta?|metge(?:ssa)?|pacjent(?:ka)?|lekarz|pacient[ăa]?|medic(?: curant)?|пациент(?:ка)?|врач"
    r"|больн(?:ой|ая)"
    r"|ασθενής|γιατρός|bệnh nhân|bác sĩ|người nhà)"
)
CLOSING = (
    r"(?:salutacions(?: cordials)?|gr[àa]cies|atentament|z (?:wyrazami )?(?:powa[żz]ani[ae]m?|szacunk(?:u|iem))"
    r"|pozdrawiam"
    r"|dzi[ęe]kuj[ęe]|cu (?:stim[ăa]|respect)|mul[țţt]umesc|с уважением|спасибо|заранее спасибо|με (?:εκτίμηση"
    r"|τιμή)|ευχαριστώ"
    r"|trân trọng|(?:xin )?cảm ơn)"
)
GREETING = (
    r"(?:bon dia|benvol(?:gut|guda)|dzie[ńn] dobry|szanown[ay]|drog[ia]|bun[ăa] ziua|stimat[ăe]?|drag[ăa]"
    r"|здравствуйте|добр(?:ый|ое) (?:день|утро|вечер)|уважаем(?:ый|ая)|привет|дорог(?:ой|ая)|αγαπητ(?:έ|ή)"
    r"|γεια σ(?:ας|ου)|καλημέρα"
    r"|kính gửi|(?:xin )?chào)"
)
WORDS = frozenset(
    """
    да нет не администрация регистратура отделение врач доктор пациент она он они мы вы это мне меня сказал сказала
    беременна болеет курит пьет хорошо ναι οχι γραμματεια γιατρε καλα τμημα κλινικη ειμαι ειναι εχω εχει ειπε
    tak nie brak
    doktor doktorze lekarz lekarze rejestracja oddzial poradnia dobrze da nu bine sectia cabinetul medic doctor nepot
    khong co bac si sinh vien hoc noi ngoai em toi con sot chao cam benh vien khoa doutor doutora sekretariat praxis
    station kollegen kollege kollegin damen herren doktors reparto segreteria ambulatorio collega dottore dottoressa
    servei consulta diabetic diabetica alergica alergic embarassada te ha vol es est a
    fieber husten schmerzen durchfall erbrechen ausschlag kopfschmerzen bauchschmerzen krebs asthma diabetes schnupfen
    """.split()
)
"""Words after these cues that are no name, lower case and without accents."""
