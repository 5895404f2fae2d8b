"""What a telephone prefix, a country domain and a language say about places. Tables, and nothing clever.

Rules kept here: an entry that several countries share names all of them; what is sold or spoken everywhere says
nothing and has no entry.

Sources: ITU-T E.164 country codes as packaged by phonenumbers 9; ISO 3166-1 for domains, where ``uk`` is GB
(IANA); official languages of states, from memory and kept short, because tier D only ever brings somebody in.
"""

from __future__ import annotations

_ALONE = """
    20:EG 27:ZA 30:GR 31:NL 32:BE 33:FR 34:ES 36:HU 40:RO 41:CH 43:AT 45:DK 46:SE 48:PL 49:DE 51:PE 52:MX
    53:CU 54:AR 55:BR 56:CL 57:CO 58:VE 60:MY 62:ID 63:PH 64:NZ 65:SG 66:TH 81:JP 82:KR 84:VN 86:CN 90:TR
    91:IN 92:PK 93:AF 94:LK 95:MM 98:IR 211:SS 213:DZ 216:TN 218:LY 220:GM 221:SN 222:MR 223:ML 224:GN
    225:CI 226:BF 227:NE 228:TG 229:BJ 230:MU 231:LR 232:SL 233:GH 234:NG 235:TD 236:CF 237:CM 238:CV 239:ST
    240:GQ 241:GA 242:CG 243:CD 244:AO 245:GW 246:IO 248:SC 249:SD 250:RW 251:ET 252:SO 253:DJ 254:KE 255:TZ
    256:UG 257:BI 258:MZ 260:ZM 261:MG 263:ZW 264:NA 265:MW 266:LS 267:BW 268:SZ 269:KM 291:ER 297:AW 298:FO
    299:GL 350:GI 351:PT 352:LU 353:IE 354:IS 355:AL 356:MT 357:CY 359:BG 370:LT 371:LV 372:EE 373:MD 374:AM
    375:BY 376:AD 377:MC 378:SM 380:UA 381:RS 382:ME 383:XK 385:HR 386:SI 387:BA 389:MK 420:CZ 421:SK 423:LI
    500:FK 501:BZ 502:GT 503:SV 504:HN 505:NI 506:CR 507:PA 508:PM 509:HT 591:BO 592:GY 593:EC 594:GF 595:PY
    596:MQ 597:SR 598:UY 670:TL 672:NF 673:BN 674:NR 675:PG 676:TO 677:SB 678:VU 679:FJ 680:PW 681:WF 682:CK
    683:NU 685:WS 686:KI 687:NC 688:TV 689:PF 690:TK 691:FM 692:MH 850:KP 852:HK 853:MO 855:KH 856:LA 880:BD
    886:TW 960:MV 961:LB 962:JO 963:SY 964:IQ 965:KW 966:SA 967:YE 968:OM 970:PS 971:AE 972:IL 973:BH 974:QA
    975:BT 976:MN 977:NP 992:TJ 993:TM 994:AZ 995:GE 996:KG 998:UZ
"""
_SHARED = """
    1:US,AG,AI,AS,BB,BM,BS,CA,DM,DO,GD,GU,JM,KN,KY,LC,MP,MS,PR,SX,TC,TT,VC,VG,VI
    7:RU,KZ 39:IT,VA 44:GB,GG,IM,JE 47:NO,SJ 61:AU,CC,CX 212:MA,EH 262:RE,YT 290:SH 358:FI,AX 590:GP,BL,MF
    599:CW,BQ
"""
CALLING_CODES: dict[str, tuple[str, ...]] = {
    code: tuple(countries.split(","))
    for code, _, countries in (entry.partition(":") for entry in (_ALONE + _SHARED).split())
}
"""ITU-T E.164 country code to the countries that share it."""

_SOLD_TO_EVERYBODY = (
    "ac ag ai am as cc cd co cx dj fm gg gs im io la ly me ms mu nu pn pw re sc sh so st su tk to tv vc vg vu ws"
)
GENERIC_DOMAINS = frozenset(_SOLD_TO_EVERYBODY.split())
"""Country domains that are registered all over the world and say nothing about a place."""

DOMAIN_OF_ANOTHER_CODE = {"uk": "GB"}

_OFFICIAL = """
    af:ZA,NA ar:DZ,BH,EG,IQ,JO,KW,LB,LY,MA,MR,OM,PS,QA,SA,SD,SY,TN,AE,YE bg:BG bn:BD,IN ca:AD,ES cs:CZ da:DK,FO,GL
    de:DE,AT,CH,LI,LU,BE,IT el:GR,CY
    en:GB,US,AU,CA,IE,NZ,ZA,IN,SG,MT,NG,KE,GH,PK,PH,JM,TT,ZM,ZW,UG,BW,NA,HK
    es:ES,MX,AR,BO,CL,CO,CR,CU,DO,EC,SV,GQ,GT,HN,NI,PA,PY,PE,PR,UY,VE,US et:EE fa:IR,AF fi:FI
    fr:FR,BE,CH,CA,LU,MC,SN,CI,CM,CD,CG,GA,ML,BF,NE,TG,BJ,HT,MG,RE,GP,MQ,GF ga:IE he:IL hi:IN hr:HR,BA hu:HU id:ID
    is:IS it:IT,CH,SM,VA ja:JP ka:GE ko:KR,KP lt:LT lv:LV mt:MT nb:NO nl:NL,BE,SR,AW,CW,SX nn:NO no:NO pl:PL
    pt:PT,BR,AO,MZ,CV,GW,ST,TL,MO ro:RO,MD ru:RU,BY,KZ,KG sk:SK sl:SI sq:AL,XK,MK sr:RS,BA,ME,XK sv:SE,FI,AX th:TH
    tr:TR,CY uk:UA ur:PK,IN vi:VN zh:CN,TW,HK,MO,SG
"""
OFFICIAL_LANGUAGES: dict[str, tuple[str, ...]] = {
    language: tuple(countries.split(","))
    for language, _, countries in (entry.partition(":") for entry in _OFFICIAL.split())
}
"""ISO 639-1 language to countries where it is official or usual."""
